"""Tools in the panel: which are on, and for whom."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from conversations.admin.pages import say
from conversations.models import Setting
from conversations.services import roles, tool_settings
from conversations.services.errors import Refused
from conversations.services.tool_settings import Offer
from conversations.tools import offering, registry
from conversations.tools.registry import Tool

SUBJECT = "Tools"
_EVERYONE, _GROUPS = "everyone", "groups"


class ToolForm(forms.Form):
    """One tool's row: whether it is on, and for whom."""

    is_on = forms.BooleanField(label="On", required=False)
    audience = forms.ChoiceField(
        label="Who may use it",
        choices=[(_EVERYONE, "Everyone"), (_GROUPS, "Only certain groups")],
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose who may use it.",
            "invalid_choice": "Choose “Everyone” or “Only certain groups”.",
        },
    )
    groups = forms.MultipleChoiceField(
        label="Groups",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "There is no such group any more. Choose again."},
    )

    def __init__(
        self, tool: Tool, offer: Offer, groups: list[str], *, seen: dict[str, object], data: Any = None
    ) -> None:
        limited_to = offer.groups or frozenset()
        super().__init__(
            data,
            prefix=tool.name,
            initial={
                "is_on": offer.is_on,
                "audience": _EVERYONE if offer.groups is None else _GROUPS,
                "groups": sorted(limited_to),
            },
        )
        self.tool = tool
        self.is_redefined = offering.has_changed(tool, seen)
        self.definition_before = _pretty(seen.get(tool.name))
        self.definition_now = _pretty(registry.definition(tool))
        # Names that the tool is still limited to, though no group has them: taken away only by a person.
        self.gone = sorted(limited_to - set(groups))
        choices = [(name, name) for name in groups] + [(name, f"{name} (deleted)") for name in self.gone]
        self.fields["groups"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_limited = cleaned.get("audience") == _GROUPS and "groups" in cleaned
        if cleaned.get("is_on") and is_limited and not cleaned["groups"]:
            self.add_error("groups", "Choose at least one group, or switch the tool off.")
        return cleaned

    @property
    def facts(self) -> list[str]:
        """What the tool may do, in words: what weighs most comes first."""
        tool = self.tool
        return [
            "Can send data out of this site." if tool.sends_out else "Sends nothing out of this site.",
            "Reads conversations, only those that the person who asks may read."
            if tool.reads_private
            else "Reads no conversations.",
            "Runs only after the person has allowed it."
            if tool.needs_approval
            else "Runs without asking the person first.",
        ]

    @property
    def offer(self) -> Offer:
        cleaned = self.cleaned_data
        groups = frozenset(cleaned["groups"]) if cleaned["audience"] == _GROUPS else None
        return Offer(cleaned["is_on"], groups)


def _pretty(definition: object) -> str:
    return json.dumps(definition, indent=2, ensure_ascii=False)


@require_http_methods(["GET", "HEAD", "POST"])
def tools(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show every registered tool, or store what was chosen for those that the posted page showed."""
    if request.method != "POST":
        return _page(request, context, _forms())
    shown = request.POST.getlist("tool")
    posted = _forms(request, shown)
    if not all(form.is_valid() for form in posted if form.is_bound):
        return _page(request, context, posted, status=422)
    offers = dict.fromkeys(shown, tool_settings.EVERYONES)
    offers |= {form.tool.name: form.offer for form in posted if form.is_bound}
    seen_now = {tool.name: registry.definition(tool) for tool in registry.all() if tool.name in shown}
    try:
        changed = tool_settings.save(
            offers, registered=[tool.name for tool in registry.all()], definitions=seen_now
        )
    except Refused as refusal:
        return _page(request, context, posted, refusal=str(refusal), status=422)
    _log(request, {name: offers[name] for name in changed})
    say(request, messages.SUCCESS, _sentence(changed))
    return redirect("admin:tools")


def _forms(request: HttpRequest | None = None, shown: list[str] | None = None) -> list[ToolForm]:
    offers, seen = tool_settings.read_all()
    # What can't be read offers nothing; the page shows it so.
    otherwise = Offer(is_on=False) if offers is None else tool_settings.EVERYONES
    groups = list(roles.team_groups().values_list("name", flat=True))
    return [
        ToolForm(
            tool,
            (offers or {}).get(tool.name, otherwise),
            groups,
            seen=seen,
            # A tool that is newer than the posted page has no boxes there: that is no "off".
            data=request.POST if request and tool.name in (shown or ()) else None,
        )
        for tool in registry.all()
    ]


def _page(
    request: HttpRequest,
    context: dict[str, Any],
    tool_forms: list[ToolForm],
    *,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        **context,
        "title": SUBJECT,
        "subject": SUBJECT,
        "forms": tool_forms,
        "refusal": refusal,
        "is_refused": status != 200,
        "is_unreadable": tool_settings.read() is None,
        "has_groups": roles.team_groups().exists(),
        "may_add_groups": roles.may(request.user, "manage_people"),
    }
    return render(request, "admin/conversations/tools.html", context, status=status)


def _sentence(changed: list[str]) -> str:
    if not changed:
        return "Nothing was changed."
    return f"Saved: {', '.join(changed)}. It holds from the next call on."


def _log(request: HttpRequest, changed: dict[str, Offer]) -> None:
    if not changed:
        return
    person: Any = request.user
    told = [f"{name}: {offer.in_words}." for name, offer in changed.items()]
    LogEntry.objects.create(
        user=person,
        content_type=ContentType.objects.get_for_model(Setting),
        object_id=tool_settings.SETTING,
        object_repr=SUBJECT,
        action_flag=CHANGE,
        change_message=" ".join(told),
    )
