"""The site's settings in the panel: a form made from their definitions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from conversations.admin.pages import say
from conversations.services import site_settings
from conversations.services.errors import Refused
from conversations.services.site_settings import Definition, Kind

SUBJECT = "Settings"


class SettingsForm(forms.Form):
    """One field for each setting, under its name."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial=site_settings.values())
        for definition in site_settings.DEFINITIONS:
            self.fields[definition.name] = _field(definition)


def _field(definition: Definition) -> forms.Field:
    common: dict[str, Any] = {"label": definition.label, "help_text": definition.help_text, "required": False}
    match definition.kind:
        case Kind.SWITCH:
            return forms.BooleanField(**common)
        case Kind.CHOICE:
            return forms.ChoiceField(choices=definition.choices, **(common | {"required": True}))
        case Kind.NUMBER:
            return forms.IntegerField(min_value=definition.least, max_value=definition.most, **common)
        case Kind.TEXT:
            return forms.CharField(max_length=200, **common)


@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the settings, or store what was chosen."""
    if request.method != "POST":
        return _page(request, context, SettingsForm())
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _page(request, context, form, status=422)
    try:
        changed = site_settings.save(form.cleaned_data)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, context, form, status=422)
    say(request, messages.SUCCESS, f"Saved: {', '.join(changed)}." if changed else "Nothing was changed.")
    return redirect("admin:settings")


def _page(
    request: HttpRequest, context: dict[str, Any], form: SettingsForm, *, status: int = 200
) -> HttpResponse:
    context = {**context, "title": SUBJECT, "subject": SUBJECT, "form": form}
    return render(request, "admin/conversations/settings.html", context, status=status)
