"""Many models at once in the panel: each field stays as it is in all of them, or is set in all of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from conversations.admin.models_form import TeamGroupsField
from conversations.admin.pages import say
from conversations.models import Model, Wire
from conversations.services import model_lists, model_settings
from conversations.services.errors import Refused
from conversations.services.model_settings import Changes

_LIST = "admin:conversations_model_changelist"
_NAMED = 30
_KEEP = ("", "As it is")
_SWITCH = (_KEEP, ("on", "On"), ("off", "Off"))


class ManyModelsForm(forms.Form):
    """What to set of the models whose numbers stand in `chosen`."""

    chosen = forms.CharField(max_length=200_000, widget=forms.HiddenInput)
    # Where the list stood: its filters come back.
    filters = forms.CharField(max_length=2_000, required=False, widget=forms.HiddenInput)
    is_enabled = forms.ChoiceField(label="People may choose it", choices=_SWITCH, required=False)
    wire = forms.ChoiceField(label="Format", choices=[_KEEP, *Wire.choices], required=False)
    order = forms.IntegerField(label="Place in the list", required=False, help_text="Empty: as it is.")
    clears_display_name = forms.BooleanField(label="Clear the display names", required=False)
    limits = forms.ChoiceField(
        label="Who may use it",
        choices=[_KEEP, ("everybody", "Everybody"), ("groups", "These groups alone")],
        required=False,
    )
    groups = TeamGroupsField(label="Groups")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in model_settings.CAPABILITIES.items():
            self.fields[name] = forms.ChoiceField(label=label, choices=_SWITCH, required=False)
        self.fields["groups"].fill()  # type: ignore[attr-defined]

    def clean_chosen(self) -> list[int]:
        named = self.cleaned_data["chosen"].split(",")
        if not all(pk.isascii() and pk.isdecimal() and len(pk) < 18 for pk in named):
            raise forms.ValidationError("Choose the models on the list again.")
        return [int(pk) for pk in named[: model_lists.MODELS_LIMIT]]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("limits") == "groups" and not cleaned.get("groups"):
            self.add_error("groups", "Choose at least one group.")
        if cleaned.get("groups") and cleaned.get("limits") != "groups":
            self.add_error("limits", "Choose “These groups alone”, or no group.")
        return cleaned

    @property
    def changes(self) -> Changes:
        cleaned = self.cleaned_data
        flags = {name: cleaned[name] == "on" for name in model_settings.CAPABILITIES if cleaned[name]}
        limits = {"everybody": [], "groups": list(cleaned["groups"])}
        return Changes(
            is_enabled=cleaned["is_enabled"] == "on" if cleaned["is_enabled"] else None,
            wire=cleaned["wire"] or None,
            order=cleaned["order"],
            capabilities=flags,
            groups=limits.get(cleaned["limits"]),
            clears_display_name=cleaned["clears_display_name"],
        )


def shown(request: HttpRequest, context: dict[str, Any], chosen: QuerySet[Model]) -> HttpResponse:
    """The form for `chosen`, with nothing set yet."""
    pks = list(chosen.values_list("pk", flat=True))
    if not pks:
        say(request, messages.WARNING, "No model fits: there is nothing to edit.")
        return redirect(_LIST)
    filters = request.GET.urlencode()
    form = ManyModelsForm(initial={"chosen": ",".join(map(str, pks)), "filters": filters})
    return _page(request, context, form, chosen, len(pks))


def save(request: HttpRequest, context: dict[str, Any], rows: QuerySet[Model]) -> HttpResponse:
    """Set what was typed, of those among `rows` that were chosen."""
    form = ManyModelsForm(request.POST)
    pks: list[int] = []
    if form.is_valid() or "chosen" in form.cleaned_data:
        pks = form.cleaned_data["chosen"]
    if not pks:
        say(request, messages.ERROR, "Choose the models on the list again.")
        return redirect(_LIST)
    chosen = rows.filter(pk__in=pks)
    if form.is_valid():
        try:
            changed = model_settings.change_many(pks, form.changes)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            _log(request, chosen)
            number = "1 model was" if changed == 1 else f"{changed} models were"
            say(request, messages.SUCCESS, f"{number} changed, of {len(pks)} chosen.")
            return redirect(_back(form.cleaned_data["filters"]))
    return _page(request, context, form, chosen, len(pks), status=422)


def _page(
    request: HttpRequest,
    context: dict[str, Any],
    form: ManyModelsForm,
    chosen: QuerySet[Model],
    number: int,
    *,
    status: int = 200,
) -> HttpResponse:
    context |= {
        "title": "Edit 1 model" if number == 1 else f"Edit {number} models",
        "form": form,
        "named": [str(model) for model in chosen[:_NAMED]],
        "more": max(0, number - _NAMED),
        "capabilities": [form[name] for name in model_settings.CAPABILITIES],
        "back": _back(str(form["filters"].value() or "")),
    }
    return TemplateResponse(request, "admin/conversations/model/edit_many.html", context, status=status)


def _back(filters: str) -> str:
    # Read and written anew: nothing but the list's own address comes of it.
    query = urlencode(parse_qsl(filters[:2_000]))
    return f"{reverse(_LIST)}?{query}" if query else reverse(_LIST)


def _log(request: HttpRequest, chosen: QuerySet[Model]) -> None:
    person: Any = request.user
    LogEntry.objects.log_actions(person.pk, list(chosen.order_by("pk")), CHANGE, "Edited with others.")
