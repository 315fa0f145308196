"""The chat's pages: a new conversation, one that exists, and the branch of it that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from conversations.models import Comparison, Conversation, Message, User
from conversations.services import access, assistants, lines, marks, shown, turns
from conversations.views import composing
from conversations.views.composing import Composer
from conversations.views.htmx import HtmxRequest, fragment


@require_safe
def index(request: HtmxRequest) -> HttpResponse:
    """The empty page: what is sent from here begins a conversation."""
    composer = composing.drafted(request.user, opening=_opening(request))
    context = {"conversation": None, "branch": None, "composer": composer}
    return page_or_part(request, "conversations/index.html", context)


@require_safe
def detail(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    marks.saw(conversation, person=request.user)
    at = _message_named(request, conversation, "m")
    context = conversation_context(conversation, request.user, at=at)
    context["removed_from_line"] = request.session.pop("removed_from_line", ())
    return page_or_part(request, "conversations/detail.html", context)


@fragment
@require_safe
def messages(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """The shown branch alone: for a page that learned of a change."""
    conversation = access.conversation_for(request.user, public_id)
    marks.saw(conversation, person=request.user)
    if named := request.GET.get("comparison"):
        context = _compared(request, conversation, named)
    else:
        at = _message_named(request, conversation, "m")
        context = branch_context(conversation, request.user, at=at) | {"with_line": True}
    return render(request, "conversations/partials/_messages.html", context)


def _compared(request: HtmxRequest, conversation: Conversation, named: str) -> dict[str, object]:
    """Return what shows a comparison of this conversation. Raises Http404."""
    try:
        comparison = access.comparison_for(request.user, UUID(named))
    except ValueError:
        raise Http404 from None
    if comparison.question.conversation_id != conversation.pk:
        raise Http404
    return context_of(turns.side_by_side(comparison, viewer=request.user), compared=comparison)


def _opening(request: HtmxRequest) -> assistants.Opening | None:
    """Return the assistant that the address names. Raises Http404 for one that the person may not use."""
    named = request.GET.get("assistant")
    if not named:
        return None
    try:
        assistant = access.assistant_for(request.user, UUID(named))
    except ValueError:
        raise Http404 from None
    return assistants.opening_of(assistant, request.user)


@fragment
@require_safe
def earlier(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """What stands above a message of the conversation: for a page that is scrolled up."""
    conversation = access.conversation_for(request.user, public_id)
    message = _message_named(request, conversation, "before")
    if message is None:
        raise Http404
    part = turns.above(message, viewer=request.user)
    return render(request, "conversations/partials/_stretch.html", context_of(part) | {"is_above": True})


@fragment
@require_safe
def later(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """What follows a message of the conversation: for a page that was opened further up."""
    conversation = access.conversation_for(request.user, public_id)
    message = _message_named(request, conversation, "after")
    if message is None:
        raise Http404
    part = turns.below(message, viewer=request.user)
    return render(request, "conversations/partials/_stretch.html", context_of(part))


def _message_named(request: HtmxRequest, conversation: Conversation, parameter: str) -> Message | None:
    """Return the message of this conversation that the address names; None for any other."""
    try:
        public_id = UUID(request.GET.get(parameter, ""))
    except ValueError:
        return None
    return access.message_in(conversation, public_id)


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


def branch_context(
    conversation: Conversation, viewer: User, *, at: Message | None = None
) -> dict[str, object]:
    """Return what shows the branch, its end or the part around `at`, and the line behind it.

    Where `at` is on another branch, that is said in `elsewhere`.
    """
    branch = turns.branch_of(conversation, viewer=viewer, at=at)
    has_it = at is None or any(shown.message.pk == at.pk for shown in branch.all_messages)
    elsewhere = {} if has_it else {"elsewhere": at}
    return {**context_of(branch), **elsewhere, "line": lines.of(conversation)}


def context_of(branch: shown.Branch, *, compared: Comparison | None = None) -> dict[str, object]:
    """Return what shows the branch; `compared`: on a comparison's page, whatever the conversation shows."""
    conversation = branch.conversation
    events = reverse("conversations:events", args=[conversation.public_id])
    again = reverse("conversations:messages", args=[conversation.public_id])
    if branch.leaf:
        again = f"{again}?m={branch.messages[len(branch.messages) // 2].id}"
    return {
        "conversation": conversation,
        "branch": branch,
        "events_url": f"{events}?cursor={branch.cursor}",
        "messages_url": f"{again}?comparison={compared.public_id}" if compared else again,
        "stop_url": _stop_url(branch),
    }


def _stop_url(branch: shown.Branch) -> str:
    """Return where Stop posts to: the answer that is being made, or all that stand side by side."""
    if branch.running is None:
        return ""
    if branch.comparison:
        return reverse("conversations:stop_comparison", args=[branch.comparison.id])
    return reverse("conversations:stop", args=[branch.running.id])


def conversation_context(
    conversation: Conversation,
    viewer: User,
    composer: Composer | None = None,
    *,
    at: Message | None = None,
) -> dict[str, object]:
    composer = composer or composing.drafted(viewer, conversation)
    origin = access.origin_of(viewer, conversation)
    return {**branch_context(conversation, viewer, at=at), "composer": composer, "origin": origin}
