"""What a key's list would change, in the panel: looked at, searched, chosen from, then applied or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from conversations.admin.pages import say
from conversations.models import ModelProposal, ProposalState
from conversations.services import model_lists, model_proposals
from conversations.services.errors import Refused
from conversations.services.model_lists import Difference, Kind

_LIST = "admin:conversations_model_list"
_MODELS = "admin:conversations_model_changelist"
_ROWS = 100
_KINDS = {Kind.NEW: "New", Kind.CHANGED: "Changed", Kind.GONE: "Gone"}


class Looked(forms.Form):
    """What of a list is looked at. What makes no sense counts as not said."""

    q = forms.CharField(max_length=200, required=False)
    kind = forms.CharField(max_length=20, required=False)
    page = forms.IntegerField(min_value=1, max_value=1_000, required=False)


@dataclass(frozen=True)
class _Look:
    query: str = ""
    kind: str = ""
    page: int = 1

    def wants(self, row: Difference) -> bool:
        return (not self.kind or row.kind == self.kind) and self.query.lower() in row.name.lower()

    def at(self, page: int) -> str:
        told = {"q": self.query, "kind": self.kind, "page": page if page > 1 else ""}
        return "?" + urlencode({name: value for name, value in told.items() if value})


def shown(request: HttpRequest, context: dict[str, Any], pk: int) -> HttpResponse:
    """The difference, model by model: searched, by kind, a hundred a page."""
    found = _found(pk)
    rows = model_proposals.differences(found)
    look = _look(request.GET)
    wanted = [row for row in rows if look.wants(row)]
    first = (look.page - 1) * _ROWS
    context |= {
        "title": f"What the list of {found.key} would change",
        "proposal": found,
        "is_open": found.state == ProposalState.OPEN,
        "is_in_use": not found.key.takes_next_list,
        "seen": model_lists.mark_of(rows),
        "look": look,
        "here": look.at(look.page),
        "number": len(rows),
        "gone": sum(row.kind == Kind.GONE for row in rows),
        "kinds": [
            {"name": kind.value, "label": label, "number": sum(row.kind == kind for row in rows)}
            for kind, label in _KINDS.items()
        ],
        "rows": [_shown(row) for row in wanted[first : first + _ROWS]],
        "wanted": len(wanted),
        "new_wanted": sum(row.kind == Kind.NEW and row.can_chat for row in wanted),
        "previous_url": look.at(look.page - 1) if look.page > 1 else None,
        "next_url": look.at(look.page + 1) if first + _ROWS < len(wanted) else None,
    }
    return TemplateResponse(request, "admin/conversations/model/list.html", context)


def apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Apply the models that were ticked, or all that were looked for."""
    found = _found(pk)
    look = _look(request.POST)
    enable = set(request.POST.getlist("enable"))
    # Whoever enables a new model wants it.
    names = {*request.POST.getlist("name"), *enable}
    if request.POST.get("which") == "all":
        rows = [row for row in model_proposals.differences(found) if look.wants(row)]
        names = {row.name for row in rows}
        if request.POST.get("enable_all"):
            enable |= {row.name for row in rows if row.kind == Kind.NEW and row.can_chat}
    person: Any = request.user
    try:
        counts = model_proposals.apply(
            found, by=person, seen=request.POST.get("seen", ""), names=names, enable=enable & names
        )
    except Refused as refusal:
        say(request, messages.ERROR, str(refusal))
        return redirect(f"{reverse(_LIST, args=[pk])}{look.at(look.page)}")
    told = f"{counts.new} new, {counts.changed} changed, {counts.gone} gone"
    say(request, messages.SUCCESS, f"{found.key}: applied {told}.")
    if ModelProposal.objects.filter(pk=pk, state=ProposalState.OPEN).exists():
        return redirect(_LIST, pk)
    return redirect(_MODELS)


def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    person: Any = request.user
    try:
        model_proposals.dismiss(_found(pk), by=person)
    except Refused as refusal:
        say(request, messages.ERROR, str(refusal))
        return redirect(_LIST, pk)
    say(request, messages.SUCCESS, "Dismissed: the models stay as they are.")
    return redirect(_MODELS)


def _look(data: Any) -> _Look:
    form = Looked(data)
    form.is_valid()
    asked = getattr(form, "cleaned_data", {})
    kind = asked.get("kind") or ""
    known = kind if kind in set(Kind) else ""
    return _Look((asked.get("q") or "").strip(), known, asked.get("page") or 1)


def _found(pk: int) -> ModelProposal:
    rows = ModelProposal.objects.select_related("key", "decided_by")
    found = rows.filter(pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise Http404
    return found


def _shown(row: Difference) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind.value,
        "label": _KINDS[row.kind],
        "before": ", ".join(row.before or []),
        "after": ", ".join(row.after or []),
        "state": _state(row),
        "can_be_enabled": row.kind == Kind.NEW and not (row.model and row.model.is_enabled),
        "can_chat": row.can_chat,
    }


def _state(row: Difference) -> str:
    if row.model is None:
        return "Probably for chat" if row.can_chat else "Probably not for chat"
    return "Enabled" if row.model.is_enabled else "Disabled"
