"""The chat's pages: a new conversation, one that exists, and the branch of it that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from conversations.models import Conversation, User
from conversations.services import access, shown, turns
from conversations.views import composing
from conversations.views.composing import Composer
from conversations.views.htmx import HtmxRequest, fragment


@require_safe
def index(request: HtmxRequest) -> HttpResponse:
    """The empty page: what is sent from here begins a conversation."""
    context = {"conversation": None, "branch": None, "composer": composing.fresh()}
    return page_or_part(request, "conversations/index.html", context)


@require_safe
def detail(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    context = conversation_context(conversation, request.user)
    return page_or_part(request, "conversations/detail.html", context)


@fragment
@require_safe
def messages(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """The shown branch alone: for a page that learned of a change."""
    conversation = access.conversation_for(request.user, public_id)
    return render(
        request, "conversations/partials/_messages.html", branch_context(conversation, request.user)
    )


def page_or_part(
    request: HtmxRequest,
    template: str,
    context: Mapping[str, object],
    *,
    part: str = "_conversation",
    status: int = 200,
) -> HttpResponse:
    """Answer the whole page, or to htmx only what stands in #main."""
    if request.htmx and not request.htmx.history_restore_request:
        template = f"conversations/partials/{part}.html"
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def branch_context(conversation: Conversation, viewer: User) -> dict[str, object]:
    return context_of(turns.branch_of(conversation, viewer=viewer))


def context_of(branch: shown.Branch) -> dict[str, object]:
    conversation = branch.conversation
    events = reverse("conversations:events", args=[conversation.public_id])
    return {"conversation": conversation, "branch": branch, "events_url": f"{events}?cursor={branch.cursor}"}


def conversation_context(
    conversation: Conversation, viewer: User, composer: Composer | None = None
) -> dict[str, object]:
    return {**branch_context(conversation, viewer), "composer": composer or composing.fresh(conversation)}
