"""Gateway keys in the panel."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from conversations.admin import key_shown
from conversations.admin.key_form import GatewayKeyForm
from conversations.admin.pages import Page, say
from conversations.models import GatewayKey, KeySource
from conversations.services import (
    audit,
    balances,
    catalog,
    key_health,
    key_settings,
    keys,
    model_proposals,
    roles,
)
from conversations.services.errors import Refused
from conversations.templatetags.words import thousands

_SERVES = ("is_enabled", "groups", "only_models", "priority", "weight", "valid_from", "valid_until")
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
    permission = "manage_keys"
    audit_kind = "key"
    # services.key_settings writes the entries.
    audits_forms = False
    presses = {
        **{"test": "test", "sync": "sync", "enable": "enable", "disable": "disable"},
        "balance": "read_balance",
    }
    form = GatewayKeyForm
    list_display = (
        *("name", "state", "calls_today", "spent_today", "error_rate", "calls_per_day"),
        *("models_served", "last_used", "buttons"),
    )
    list_display_links = ("name",)
    # No box to tick: keys are deleted one by one, each with a look.
    actions = None
    ordering = ("name", "id")

    def get_urls(self) -> list[URLPattern]:
        health = self.address("<int:pk>/health/", require_safe(self.health_page), "health")
        return [health, *super().get_urls()]

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
        return self.may(request)

    # --- The form

    def get_fieldsets(self, request: HttpRequest, obj: GatewayKey | None = None) -> Any:
        serves = ("Whom it serves, and when", {"fields": _SERVES})
        money = ("Money", {"fields": ("price_group", "cap_per_day", "cap_per_month")})
        if obj is None:
            return [(None, {"fields": ("name", "base_url", "secret", "note")}), serves, money]
        state = ("State", {"fields": ("state", "ending", "models_served", "last_sync", "last_used")})
        if obj.source == KeySource.ENVIRONMENT:
            own = (None, {"fields": ("name", "base_url", "note"), "description": _FROM_ENVIRONMENT})
        elif obj.source == KeySource.PRACTICE:
            return [
                (None, {"fields": ("name", "state", "models_served", "last_sync"), "description": _PRACTICE})
            ]
        else:
            own = (None, {"fields": ("name", "base_url", "secret", "note")})
        return [state, own, serves, money]

    def get_readonly_fields(self, request: HttpRequest, obj: GatewayKey | None = None) -> tuple[str, ...]:
        shown = ("state", "ending", "models_served", "last_sync", "last_used")
        if obj is not None and obj.source != KeySource.ADMIN:
            return (*shown, "name", "base_url")
        return shown

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Times are typed and shown in the admin's own zone; drawn here, where it still holds.
        with timezone.override(_person(request).zone):
            response = super().changeform_view(request, *args, **kwargs)
            return response.render() if isinstance(response, TemplateResponse) else response

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        found = key_health.of_keys(changes.result_list, now=timezone.now())
        for key in changes.result_list:
            key.health, key.reader = found[key.pk], request.user
        return changes

    def save_model(self, request: HttpRequest, obj: GatewayKey, form: ModelForm, change: bool) -> None:
        # The engine reads its models as soon as this is committed, not the panel within its transaction.
        secret, groups = form.cleaned_data.get("secret") or "", form.cleaned_data["groups"]
        if change:
            key_settings.change(obj, changed=form.changed_data, secret=secret, groups=groups)
        else:
            key_settings.add(obj, secret=secret, groups=groups)
        if unknown := key_settings.not_listed(obj) if "only_models" in form.changed_data and change else []:
            named = ", ".join(unknown[:10])
            say(request, messages.WARNING, f"Nothing that {obj} serves now is called so: {named}.")

    def delete_model(self, request: HttpRequest, obj: GatewayKey) -> None:
        key_settings.remove(obj)

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
        audit.record("key.tested", subject=key, changes={"result": [None, report.sentence]})
        level = messages.WARNING if report.may_work else messages.ERROR
        say(request, messages.SUCCESS if report.is_ok else level, f"{key}: {report.sentence}")

    def sync(self, request: HttpRequest, key: GatewayKey) -> None:
        result = catalog.sync_key(key, person=_person(request))
        audit.record("key.synced", subject=key, changes={"result": [None, result.sentence]})
        say(request, messages.WARNING if result.problem else messages.SUCCESS, f"{key}: {result.sentence}")
        if result.is_waiting and roles.may(request.user, "manage_models"):
            request.__dict__["_leads_to"] = model_proposals.open_of(key)

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

    def _back(self, request: HttpRequest, row: Model) -> HttpResponse:
        if proposal := request.__dict__.pop("_leads_to", None):
            return redirect("admin:conversations_model_list", proposal.pk)
        if request.POST.get("back") == "health":
            return redirect("admin:conversations_gatewaykey_health", row.pk)
        return super()._back(request, row)

    def read_balance(self, request: HttpRequest, key: GatewayKey) -> None:
        told = balances.look_up(key)
        if told:
            say(request, messages.SUCCESS, f"{key}: {told}")
        else:
            say(request, messages.WARNING, f"{key}: the gateway does not tell a balance for this key.")

    # --- Health

    def health_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        key = self.get_queryset(request).filter(pk=pk).first()
        if key is None:
            raise Http404
        health = key_health.of_key(key, now=timezone.now())
        reader = _person(request)
        context = {
            **self.admin_site.each_context(request),
            **{"opts": self.opts, "original": key, "subject": self.subject, "title": str(key)},
            "state": key_shown.state(health.state, reader),
            "cooldowns": key_shown.cooldowns(health, reader),
            "spans": key_shown.spans(key, health),
            "first_token": key_shown.first_token(key_health.median_first_token_ms(key)),
            "last_used": key_shown.ago(key.last_used_at),
            "balance_at": key_shown.ago(key.balance_at),
            "spark": key_shown.spark(health.per_day, str(key)),
            "may_press": self.may_press(request, key),
            "site_zone": settings.TIME_ZONE,
        }
        return TemplateResponse(request, "admin/conversations/gatewaykey/health.html", context)

    # --- What is shown of a key

    @admin.display(description="State")
    def state(self, key: Any) -> SafeString:
        return key_shown.state(key_shown.health_of(key).state, key.__dict__.get("reader"))

    @admin.display(description="Secret")
    def ending(self, key: GatewayKey) -> str:
        if not key.ciphertext:
            return "–"
        return f"…{key.last_four}" if key.last_four else "stored"

    @admin.display(description="Calls today")
    def calls_today(self, key: GatewayKey) -> str:
        return thousands(key_shown.health_of(key).today.calls)

    @admin.display(description="Spent today")
    def spent_today(self, key: GatewayKey) -> str:
        health = key_shown.health_of(key)
        return key_shown.spent(health.today, health.currency)

    @admin.display(description="Errors, 24 h")
    def error_rate(self, key: GatewayKey) -> str:
        return key_shown.errors(key_shown.health_of(key).last_24_hours)

    @admin.display(description="30 days")
    def calls_per_day(self, key: GatewayKey) -> SafeString:
        return key_shown.spark(key_shown.health_of(key).per_day, str(key))

    @admin.display(description="Models", ordering="number_of_models")
    def models_served(self, key: Any) -> int:
        number: int = key.number_of_models
        return number

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, key: GatewayKey) -> str:
        return key_shown.ago(key.last_used_at)

    @admin.display(description="Models read")
    def last_sync(self, key: GatewayKey) -> str:
        if key.synced_at is None:
            return "not yet"
        return f"{key_shown.ago(key.synced_at)}: {key.sync_result}"

    @admin.display(description="")
    def buttons(self, key: GatewayKey) -> SafeString:
        return format_html(
            '<span class="row-buttons">'
            '<a class="button" href="{}/health/" aria-label="Health {}">Health</a>{}{}</span>',
            *(key.pk, key),
            *(key_shown.button(key, "test", "Test"), key_shown.button(key, "sync", "Sync models")),
        )


def _person(request: HttpRequest) -> Any:
    return request.user
