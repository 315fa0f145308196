"""Models in the panel: the list, one model, and the ways to what a key's list would change."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.admin import model_lists_page, models_bulk
from conversations.admin.model_filters import (
    CapabilityFilter,
    GroupFilter,
    KeyFilter,
    ServedFilter,
    UnpricedFilter,
)
from conversations.admin.models_form import GatewayModelForm
from conversations.admin.pages import Page, say
from conversations.models import Model, ModelDefault
from conversations.services import catalog, model_proposals, model_settings
from conversations.services.errors import Refused
from conversations.services.model_settings import Changes

# Fields of the form that are no columns of a model.
_OF_OTHER_TABLES = ("served_by", "groups", "default_for")


@admin.register(Model)
class ModelPage(Page):
    subject = "Models"
    subject_one = "model"
    permission = "manage_models"
    audit_kind = "model"
    presses = {"default": "make_default"}
    form = GatewayModelForm
    list_display = (
        *("name", "display_name", "is_enabled", "order", "default", "abilities"),
        *("format", "for_whom", "served_by"),
    )
    list_display_links = ("name",)
    list_editable = ("display_name", "is_enabled", "order")
    list_filter = (
        *("is_enabled", ServedFilter, "wire", CapabilityFilter),
        *(GroupFilter, KeyFilter, UnpricedFilter),
    )
    list_per_page = 50
    list_max_show_all = 100
    search_fields = ("name", "display_name", "description")
    search_help_text = "Search names and descriptions"
    actions = ("enable", "disable", "edit_many", "default_by_action")

    def get_urls(self) -> list[URLPattern]:
        both = require_http_methods(["GET", "HEAD", "POST"])
        return [
            self.address("edit/", both(self._edit_page), "edit_many"),
            self.address("lists/<int:pk>/", require_safe(self._list_page), "list"),
            self.address("lists/<int:pk>/apply/", require_POST(model_lists_page.apply), "list_apply"),
            self.address("lists/<int:pk>/dismiss/", require_POST(model_lists_page.dismiss), "list_dismiss"),
            *super().get_urls(),
        ]

    def _list_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        return model_lists_page.shown(request, self._context(request), pk)

    def _edit_page(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST":
            return models_bulk.save(request, self._context(request), self.get_queryset(request))
        # All that the filters in the address leave.
        changes = self.get_changelist_instance(request)
        return models_bulk.shown(request, self._context(request), changes.get_queryset(request))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "subject": self.subject, "opts": self.opts}

    # --- Which rows, and what may be done with them

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"proposals": model_proposals.open_proposals(), "filters": request.GET.urlencode()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        begin: dict[int, list[str]] = {}
        for model_id, group in ModelDefault.objects.order_by("group__name").values_list(
            "model_id", "group__name"
        ):
            begin.setdefault(model_id, []).append(group)
        for model in changes.result_list:
            model.begun_by = begin.get(model.pk, [])
        return changes

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        # What people may choose first: a gateway may list hundreds that nobody wants.
        return (
            Model.objects.for_admin()
            .prefetch_related("keys", "groups")
            .order_by("-is_default", "-is_enabled", "order", "name", "id")
        )

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # What a gateway still lists would only come back with the next sync. It can be disabled.
        if obj is not None and catalog.is_synced(obj) and obj.key_models.exists():
            return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        named = ("name", "display_name", "description")
        can = tuple(model_settings.CAPABILITIES)
        who = ("groups", "default_for", *(("default",) if obj else ()))
        return [
            (None, {"fields": (*named, "served_by")}),
            ("In the picker", {"fields": ("is_enabled", "order", *who)}),
            ("What it can do", {"fields": can}),
            ("How much", {"fields": ("context_size", "max_output")}),
            ("How it is asked", {"fields": ("wire", "default_parameters")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if obj is not None and catalog.is_synced(obj):
            return ("name", "served_by", "default")
        return ("default",)

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        if change:
            # Not the whole row: a sync may have written to it since the page was opened.
            own = [name for name in form.changed_data if name not in _OF_OTHER_TABLES]
            obj.save(update_fields=[*own, "updated_at"])
        else:
            obj.save()
        if "served_by" in form.cleaned_data:
            catalog.set_keys(obj, list(form.cleaned_data["served_by"]))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "default_for" in form.changed_data:
            model_settings.set_group_defaults(form.instance, list(form.cleaned_data["default_for"]))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the model alone: conversations and calls stay, with its name."""
        return [str(obj) for obj in objs], {}, set(), []

    # --- Buttons and actions

    def make_default(self, request: HttpRequest, model: Model) -> None:
        try:
            catalog.make_default(model)
        except Refused as refusal:
            say(request, messages.ERROR, str(refusal))
            return
        self.log_change(request, model, "Made the default.")
        say(request, messages.SUCCESS, f"New conversations now begin with “{model}”.")

    @admin.action(description="Make default (choose one)", permissions=["change"])
    def default_by_action(self, request: HttpRequest, chosen: QuerySet[Model]) -> None:
        models = list(chosen[:2])
        if len(models) == 1:
            self.make_default(request, models[0])
        else:
            say(request, messages.ERROR, "One model can be the default: choose exactly one.")

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, chosen: QuerySet[Model]) -> None:
        self._switch(request, chosen, is_enabled=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, chosen: QuerySet[Model]) -> None:
        self._switch(request, chosen, is_enabled=False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Model], *, is_enabled: bool) -> None:
        word = "enabled" if is_enabled else "disabled"
        models = list(chosen.exclude(is_enabled=is_enabled))
        changed = model_settings.change_many([model.pk for model in models], Changes(is_enabled=is_enabled))
        person: Any = request.user
        LogEntry.objects.log_actions(person.pk, models, CHANGE, f"{word.capitalize()}.")
        number = "1 model" if changed == 1 else f"{changed} models"
        say(request, messages.SUCCESS, f"{number} {word}.")

    @admin.action(description="Edit…", permissions=["change"])
    def edit_many(self, request: HttpRequest, chosen: QuerySet[Model]) -> HttpResponse:
        return models_bulk.shown(request, self._context(request), chosen)

    # --- What is shown of a model

    @admin.display(description="Default", ordering=F("is_default").desc())
    def default(self, model: Model) -> SafeString | str:
        # The list has asked for all of its rows at once.
        begun_by = model.__dict__.get("begun_by")
        if begun_by is None:
            begun_by = model_settings.groups_that_begin_with(model)
        everyones = format_html('<span class="state state-good">{}</span>', "Default")
        groups = format_html("<small>of {}</small>", ", ".join(map(str, begun_by))) if begun_by else ""
        if model.is_default:
            return format_html("{}{}", everyones, groups)
        return groups or "–"

    @admin.display(description="Can")
    def abilities(self, model: Model) -> str:
        told = {
            "pictures": model.has_vision,
            "documents": model.has_documents,
            "tools": model.has_tools,
            "thinking": model.has_thinking,
            "structured output": model.has_structured_output,
            "no streaming": not model.is_streaming,
        }
        return ", ".join(word for word, holds in told.items() if holds)

    @admin.display(description="Format", ordering="wire")
    def format(self, model: Model) -> str:
        return model.get_wire_display()

    @admin.display(description="For")
    def for_whom(self, model: Model) -> str:
        return ", ".join(sorted(group.name for group in model.groups.all())) or "everybody"

    @admin.display(description="Served by")
    def served_by(self, model: Model) -> str:
        names = sorted(key.name for key in model.keys.all())
        return ", ".join(names) or "no key any more"
