"""The gateways' price tables in the panel: read one, look at what it would change, then apply it or not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from conversations.admin.pages import say
from conversations.forms.prices import CurrencyForm, ProposalFilter
from conversations.models import GatewayKey, PriceProposal, ProposalState, Tariff
from conversations.services import price_import, price_list
from conversations.services.errors import Refused
from conversations.services.price_import import Difference, Kind

_TABLES = "admin:conversations_price_tables"
_PROPOSAL = "admin:conversations_price_proposal"
_ROWS = 100
_KINDS = {
    Kind.NEW: "New",
    Kind.CHANGED: "Changed",
    Kind.GONE: "Gone",
    Kind.UNPRICED: "Unpriced",
    Kind.KEPT: "Kept as set by hand",
    Kind.SAME: "As before",
}
_FIELDS = (("input", "Input"), ("output", "Output"), ("per_call", "A call"))


def tables(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Every base URL with its currency, what was read there, and what waits."""
    tariffs = {tariff.base_url: tariff for tariff in Tariff.objects.all()}
    waiting = {(row.tariff.base_url, row.price_group): row for row in price_import.open_proposals()}
    rows = []
    for base_url in price_list.base_urls():
        keys = price_import.keys_of(base_url)
        rows.append(
            {
                "base_url": base_url,
                "place": price_list.place_of(base_url),
                "tariff": tariffs.get(base_url) or Tariff(base_url=base_url),
                "keys": [{"key": key, "proposal": waiting.get((base_url, key.price_group))} for key in keys],
            }
        )
    context |= {
        "title": "Tables of the gateways",
        "rows": rows,
        "unpriced": price_list.unpriced_models()[:500],
    }
    return TemplateResponse(request, "admin/conversations/price/tables.html", context)


def read(request: HttpRequest) -> HttpResponse:
    """Ask one gateway for its table. Not inside a transaction."""
    wanted = request.POST.get("key", "")
    known = wanted.isascii() and wanted.isdecimal() and len(wanted) < 18
    key = GatewayKey.objects.usable().filter(pk=int(wanted)).first() if known else None
    if key is None:
        raise Http404
    person: Any = request.user
    try:
        proposal = price_import.read(key, person=person)
    except Refused as refusal:
        say(request, messages.ERROR, f"{key}: {refusal}")
        return redirect(_TABLES)
    if proposal is None:
        say(request, messages.SUCCESS, f"{key}: the table says what is in force. Nothing to apply.")
        return redirect(_TABLES)
    return redirect(_PROPOSAL, proposal.pk)


def set_currency(request: HttpRequest) -> HttpResponse:
    form = CurrencyForm(request.POST)
    if not form.is_valid() or form.cleaned_data["base_url"] not in price_list.base_urls():
        say(request, messages.ERROR, "Choose a base URL of the list, and enter its currency.")
        return redirect(_TABLES)
    person: Any = request.user
    tariff = price_list.tariff_for(form.cleaned_data["base_url"])
    try:
        price_list.set_currency(tariff, form.cleaned_data["currency"], by=person)
    except Refused as refusal:
        say(request, messages.ERROR, str(refusal))
        return redirect(_TABLES)
    say(
        request,
        messages.SUCCESS,
        f"Calls at {price_list.place_of(tariff.base_url)} are counted in this currency from now on.",
    )
    return redirect(_TABLES)


def proposal(request: HttpRequest, context: dict[str, Any], pk: int) -> HttpResponse:
    """The difference, model by model: searched, by kind, a hundred a page."""
    found = _found(pk)
    rows = price_import.differences(found)
    form = ProposalFilter(request.GET)
    form.is_valid()
    asked = getattr(form, "cleaned_data", {})
    query, kind, page = asked.get("q") or "", asked.get("kind") or "", asked.get("page") or 1
    wanted = [row for row in rows if _is_wanted(row, query, kind)]
    first = (page - 1) * _ROWS
    context |= {
        "title": "What the table would change",
        "proposal": found,
        "place": price_list.place_of(found.tariff.base_url),
        "currency": price_import.told_currency(found) or found.tariff.currency,
        "new_currency": price_import.told_currency(found),
        "unreadable": found.rows.get("unreadable", 0),
        "is_open": found.state == ProposalState.OPEN,
        "effective": sum(row.kind in price_import.EFFECTIVE for row in rows),
        "kinds": [
            {"name": name.value, "label": label, "number": sum(row.kind == name for row in rows)}
            for name, label in _KINDS.items()
        ],
        "kind": kind,
        "query": query,
        "rows": [_shown(row) for row in wanted[first : first + _ROWS]],
        "found": len(wanted),
        "previous_url": _url(query, kind, page - 1) if page > 1 else None,
        "next_url": _url(query, kind, page + 1) if first + _ROWS < len(wanted) else None,
    }
    return TemplateResponse(request, "admin/conversations/price/proposal.html", context)


def apply(request: HttpRequest, pk: int) -> HttpResponse:
    person: Any = request.user
    try:
        number = price_import.apply(_found(pk), by=person)
    except Refused as refusal:
        say(request, messages.ERROR, str(refusal))
        return redirect(_PROPOSAL, pk)
    told = "The price of 1 model" if number == 1 else f"The prices of {number} models"
    say(request, messages.SUCCESS, f"{told} changed from now on. What was counted before stays as it is.")
    return redirect("admin:conversations_price_changelist")


def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    person: Any = request.user
    try:
        price_import.dismiss(_found(pk), by=person)
    except Refused as refusal:
        say(request, messages.ERROR, str(refusal))
        return redirect(_PROPOSAL, pk)
    say(request, messages.SUCCESS, "Dismissed: the prices stay as they are.")
    return redirect(_TABLES)


def _found(pk: int) -> PriceProposal:
    found = PriceProposal.objects.select_related("tariff").filter(pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise Http404
    return found


def _is_wanted(row: Difference, query: str, kind: str) -> bool:
    # Without a choice what nothing happens to is left out: of hundreds a few have changed.
    is_of_kind = row.kind == kind if kind else row.kind != Kind.SAME
    return is_of_kind and query.strip().lower() in row.model_name.lower()


def _shown(row: Difference) -> dict[str, Any]:
    is_gone = row.kind == Kind.GONE and not row.is_listed
    return {
        "model_name": row.model_name,
        "kind": row.kind.value,
        "label": "Unpriced there now" if row.kind == Kind.GONE and not is_gone else _KINDS[row.kind],
        "amounts": [
            {"label": label, "before": row.before.get(name), "after": row.after.get(name)}
            for name, label in _FIELDS
        ],
    }


def _url(query: str, kind: str, page: int) -> str:
    return f"?{urlencode({'q': query, 'kind': kind, 'page': page})}"
