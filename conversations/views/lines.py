"""What a person does with the questions in line."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.lines import MoveForm, RestoreForm, WaitingForm
from conversations.models import Conversation
from conversations.services import access, lines, rearranging
from conversations.services.errors import Refused
from conversations.views.htmx import HtmxRequest, fragment

# Where a page without a script finds, once, what it has just removed.
REMOVED = "removed_from_line"


@fragment
@require_safe
def line(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """The line alone."""
    return _line(request, access.conversation_for(request.user, public_id))


@fragment
@require_POST
def resume(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Send the first of a line that stands; the others follow as before."""
    conversation = access.conversation_for(request.user, public_id)
    try:
        lines.send_next(conversation.pk, by_hand=True)
    except Refused as refusal:
        return _refuse(request, conversation, str(refusal))
    return _line(request, conversation)


@fragment
@require_POST
def edit(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    waiting = access.waiting_question_for(request.user, public_id)
    form = WaitingForm(request.POST)
    if not form.is_valid():
        return _refuse(request, waiting.conversation, str(next(iter(form.errors.values()))[0]))
    try:
        rearranging.change(waiting, text=form.cleaned_data["text"], model_name=form.cleaned_data["model"])
    except Refused as refusal:
        return _refuse(request, waiting.conversation, str(refusal))
    return _line(request, waiting.conversation)


@fragment
@require_POST
def move(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    waiting = access.waiting_question_for(request.user, public_id)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("There is no such place.", content_type="text/plain")
    try:
        rearranging.move(waiting, by=form.cleaned_data["by"])
    except Refused as refusal:
        return _refuse(request, waiting.conversation, str(refusal))
    return _line(request, waiting.conversation)


@fragment
@require_POST
def remove(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Take a question out of the line, and offer to undo it."""
    waiting = access.waiting_question_for(request.user, public_id)
    return removed(request, waiting.conversation, rearranging.remove(waiting.conversation, [waiting]))


@fragment
@require_POST
def restore(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    form = RestoreForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("There is nothing to bring back.", content_type="text/plain")
    try:
        rearranging.restore(conversation, form.cleaned_data["removed"])
    except Refused as refusal:
        return _refuse(request, conversation, str(refusal))
    return _line(request, conversation)


def removed(request: HtmxRequest, conversation: Conversation, public_ids: list[UUID]) -> HttpResponse:
    """Answer with the line after something was taken out of it, and with the way back."""
    if not request.htmx:
        request.session[REMOVED] = [str(public_id) for public_id in public_ids]
        return redirect(conversation)
    context = {"conversation": conversation, "line": lines.of(conversation), "removed": public_ids}
    return render(request, "conversations/partials/_line_removed.html", context)


def _line(request: HtmxRequest, conversation: Conversation) -> HttpResponse:
    if not request.htmx:
        return redirect(conversation)
    context = {"conversation": conversation, "line": lines.of(conversation)}
    return render(request, "conversations/partials/_line.html", context)


def _refuse(request: HtmxRequest, conversation: Conversation, sentence: str) -> HttpResponse:
    # The page's script shows a 409 in its own words; what stands in an open editor stays there.
    if request.htmx:
        return HttpResponse(sentence, status=409, content_type="text/plain; charset=utf-8")
    messages.error(request, sentence)
    return redirect(conversation)
