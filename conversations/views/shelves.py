"""What the pages of prompts and of assistants have in common."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from conversations.models import Assistant, Prompt
from conversations.services import library
from conversations.services.errors import Refused
from conversations.views.htmx import HtmxRequest


def listing(request: HtmxRequest, kind: type[library.Row]) -> dict[str, object]:
    """Return what a list shows: one page of it, and what was just deleted, for its undo."""
    number = request.GET.get("page", "1")
    # Four digits at most: Python refuses to read a number of thousands of them.
    page = max(1, min(int(number[:4]), 1000)) if number.isascii() and number.isdigit() else 1
    query = request.GET.get("q", "").strip()[:200]
    listed = library.page_of(kind, request.user, query=query, number=page)
    following = request.GET.copy()
    following.pop("deleted", None)
    following["page"] = str(page + 1)
    return {
        "listed": listed,
        "next_url": f"?{following.urlencode()}" if listed.has_more else None,
        "deleted_row": _just_deleted(request, kind),
    }


def with_undo(name: str, public_id: UUID) -> str:
    """Return the address of a list that offers to bring `public_id` back."""
    return f"{reverse(name)}?deleted={public_id}"


def restored(request: HtmxRequest, row: Prompt | Assistant, name: str) -> HttpResponse:
    """Bring a deleted row back, and lead to its list."""
    try:
        library.restore(row)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(with_undo(name, row.public_id))
    messages.success(request, f"“{row}” is back.")
    return redirect(name)


def _just_deleted(request: HtmxRequest, kind: type[library.Row]) -> library.Row | None:
    try:
        public_id = UUID(request.GET.get("deleted", ""))
    except ValueError:
        return None
    return library.deleted_of(kind, request.user, public_id)
