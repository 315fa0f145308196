"""Gateway keys in the panel."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from conversations.admin import attention
from conversations.admin.key_form import GatewayKeyForm
from conversations.admin.pages import Page, say
from conversations.models import GatewayKey, KeySource
from conversations.services import catalog, keys
from conversations.services.errors import Refused

_FROM_ENVIRONMENT = (
    "This key follows the variables CHAINHUB_API_KEY and CHAINHUB_BASE_URL of the server: its secret and its "
    "address are changed there, and taken over at the next start."
)
_PRACTICE = (
    "The practice gateway is built in, and answers only while no other key is enabled. "
    "Put a ChainHub key in, and it is gone."
)


@admin.register(GatewayKey)
class GatewayKeyPage(Page):
    subject = "Gateway keys"
    subject_one = "gateway key"
    presses = {"test": "test", "sync": "sync", "enable": "enable", "disable": "disable"}
    form = GatewayKeyForm
    list_display = ("name", "state", "ending", "address", "models_served", "last_used", "buttons")
    list_display_links = ("name",)
    # No box to tick: keys are deleted one by one, each with a look.
    actions = None
    ordering = ("name", "id")

    # --- Which rows, and what may be done with them

    def get_queryset(self, request: HttpRequest) -> QuerySet[GatewayKey]:
        counted = super().get_queryset(request).annotate(number_of_models=Count("key_models"))
        found: QuerySet[GatewayKey] = counted
        return found if catalog.is_practice() else found.exclude(source=KeySource.PRACTICE)

    def has_change_permission(self, request: HttpRequest, obj: GatewayKey | None = None) -> bool:
        if obj is not None and obj.source == KeySource.PRACTICE:
            return False
        return super().has_change_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: GatewayKey | None = None) -> bool:
        # Without `obj`: the practice gateway's row may be read by who may change the others.
        return super().has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: GatewayKey | None = None) -> bool:
        # What the environment and the practice gateway need would only come back.
        if obj is not None and obj.source != KeySource.ADMIN:
            return False
        return super().has_delete_permission(request, obj)

    def may_press(self, request: HttpRequest, row: GatewayKey) -> bool:
        # Without `row`: the practice gateway can be tested too.
        return ModelAdmin.has_change_permission(self, request)

    # --- The form

    def get_fieldsets(self, request: HttpRequest, obj: GatewayKey | None = None) -> Any:
        state = ("state", "ending", "models_served", "last_sync", "last_used")
        if obj is None:
            return [(None, {"fields": ("name", "base_url", "secret", "note")})]
        if obj.source == KeySource.ENVIRONMENT:
            own = (None, {"fields": ("name", "base_url", "note"), "description": _FROM_ENVIRONMENT})
        elif obj.source == KeySource.PRACTICE:
            return [
                (None, {"fields": ("name", "state", "models_served", "last_sync"), "description": _PRACTICE})
            ]
        else:
            own = (None, {"fields": ("name", "base_url", "secret", "note")})
        return [("State", {"fields": state}), own]

    def get_readonly_fields(self, request: HttpRequest, obj: GatewayKey | None = None) -> tuple[str, ...]:
        shown = ("state", "ending", "models_served", "last_sync", "last_used")
        if obj is not None and obj.source != KeySource.ADMIN:
            return (*shown, "name", "base_url")
        return shown

    def save_model(self, request: HttpRequest, obj: GatewayKey, form: ModelForm, change: bool) -> None:
        if secret := form.cleaned_data.get("secret"):
            keys.put_secret(obj, secret)
        if secret or "base_url" in form.changed_data:
            # The engine reads its models as soon as this is committed, not the panel within its transaction.
            keys.store(obj)
        elif change:
            # Not the whole row: the engine may have written to it since the page was opened.
            obj.save(update_fields=[*form.changed_data, "updated_at"])

    def response_add(
        self, request: HttpRequest, obj: GatewayKey, post_url_continue: str | None = None
    ) -> Any:
        """Lead to the key's own page, where it can be tested."""
        say(
            request,
            messages.SUCCESS,
            f"{obj} is stored. Its models are being read. Test says whether it works.",
        )
        return redirect("admin:conversations_gatewaykey_change", obj.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the key alone: its hundreds of rows “serves model …” go with it, and calls stay."""
        return [str(obj) for obj in objs], {}, set(), []

    # --- Buttons

    def test(self, request: HttpRequest, key: GatewayKey) -> None:
        report = catalog.test_key(key, person=_person(request))
        level = messages.WARNING if report.may_work else messages.ERROR
        say(request, messages.SUCCESS if report.is_ok else level, f"{key}: {report.sentence}")

    def sync(self, request: HttpRequest, key: GatewayKey) -> None:
        result = catalog.sync_key(key, person=_person(request))
        say(request, messages.WARNING if result.problem else messages.SUCCESS, f"{key}: {result.sentence}")

    def enable(self, request: HttpRequest, key: GatewayKey) -> None:
        try:
            keys.enable(key)
        except Refused as refusal:
            say(request, messages.ERROR, str(refusal))
            return
        self.log_change(request, key, "Enabled.")
        say(request, messages.SUCCESS, f"{key} is enabled. Its models are being read.")

    def disable(self, request: HttpRequest, key: GatewayKey) -> None:
        if key.source == KeySource.PRACTICE:
            say(request, messages.ERROR, _PRACTICE)
            return
        keys.disable(key)
        self.log_change(request, key, "Disabled.")
        say(request, messages.SUCCESS, f"{key} is disabled: no further question goes through it.")

    # --- What is shown of a key

    @admin.display(description="State")
    def state(self, key: GatewayKey) -> SafeString:
        trouble = attention.trouble_with(key)
        if not key.is_enabled:
            return _state("off", "Disabled", trouble if key.problem_kind == keys.VARIABLE_GONE else "")
        if trouble:
            return _state("bad", "Problem", trouble)
        if key.synced_at is None:
            return _state("busy", "Enabled", "its models are being read")
        return _state("good", "In use" if key.source == KeySource.PRACTICE else "Enabled")

    @admin.display(description="Secret")
    def ending(self, key: GatewayKey) -> str:
        if not key.ciphertext:
            return "–"
        return f"…{key.last_four}" if key.last_four else "stored"

    @admin.display(description="Base URL", ordering="base_url")
    def address(self, key: GatewayKey) -> str:
        return "built in" if key.source == KeySource.PRACTICE else key.base_url

    @admin.display(description="Models", ordering="number_of_models")
    def models_served(self, key: Any) -> int:
        number: int = key.number_of_models
        return number

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, key: GatewayKey) -> str:
        return _ago(key.last_used_at) if key.last_used_at else "never"

    @admin.display(description="Models read")
    def last_sync(self, key: GatewayKey) -> str:
        if key.synced_at is None:
            return "not yet"
        return f"{_ago(key.synced_at)}: {key.sync_result}"

    @admin.display(description="")
    def buttons(self, key: GatewayKey) -> SafeString:
        return format_html(
            '<span class="row-buttons">{}{}</span>',
            _button(key, "test", "Test"),
            _button(key, "sync", "Sync models"),
        )


def _button(key: GatewayKey, name: str, text: str) -> SafeString:
    # It posts the list's own form, which carries the token, to another address.
    return format_html(
        '<button type="submit" name="back" value="list" formaction="{}/{}/" aria-label="{} {}">{}</button>',
        key.pk,
        name,
        text,
        key,
        text,
    )


def _state(look: str, word: str, why: str = "") -> SafeString:
    return format_html(
        '<span class="state state-{}">{}</span>{}',
        look,
        word,
        format_html(" <small>{}</small>", why) if why else "",
    )


def _ago(moment: Any) -> str:
    if (timezone.now() - moment).total_seconds() < 60:
        return "just now"
    return f"{timesince(moment, depth=1)} ago"


def _person(request: HttpRequest) -> Any:
    return request.user
