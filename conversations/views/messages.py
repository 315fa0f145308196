"""What a person does with messages: send, stop, retry, regenerate, look at another version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from conversations.forms.messages import MessageForm, VersionForm
from conversations.models import Conversation, Message, Role, SendKind
from conversations.services import accepting, access, files, sending, shown, turns
from conversations.services.errors import Refused
from conversations.views import composing, pages
from conversations.views.htmx import HtmxRequest, fragment


@require_POST
def send_first(request: HtmxRequest) -> HttpResponse:
    """Begin a conversation with a question."""
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _refuse(request, None, form)
    try:
        turn = sending.send_message(None, author=request.user, **_with_uploads(request, form))
    except Refused as refusal:
        return _refuse(request, None, form, str(refusal))
    if not request.htmx:
        return redirect(turn.conversation)
    conversation = access.conversation_for(request.user, turn.conversation.public_id)
    context = {**pages.conversation_context(conversation, request.user), "is_new": True}
    response = render(request, "conversations/partials/_conversation.html", context)
    response["HX-Push-Url"] = conversation.get_absolute_url()
    response["HX-Retarget"] = "#main"
    response["HX-Reswap"] = "innerHTML"
    return response


@require_POST
def send(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _refuse(request, conversation, form)
    try:
        turn = sending.send_message(conversation, author=request.user, **_with_uploads(request, form))
    except Refused as refusal:
        return _refuse(request, conversation, form, str(refusal))
    if not request.htmx:
        return redirect(turn.conversation)
    # The two new messages alone: the tenth turn and the thousandth cost the same.
    branch = shown.Branch(turn.conversation, _shown(turn, request))
    context = pages.context_of(branch) | {
        "composer": composing.fresh(turn.conversation),
        "turn": branch.messages,
    }
    return render(request, "conversations/partials/_turn.html", context)


@fragment
@require_POST
def stop(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Ask for the end of an answer. The stream tells when it has ended."""
    answer = access.message_for(request.user, public_id, role=Role.ASSISTANT)
    sending.stop(answer)
    if not request.htmx:
        return redirect(answer.conversation)
    return HttpResponse(status=204)


@require_POST
def retry(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    return _another_version(request, public_id, SendKind.RETRY)


@require_POST
def regenerate(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    return _another_version(request, public_id, SendKind.REGENERATE)


@require_POST
def show_version(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Show the branch of another version."""
    message = access.message_for(request.user, public_id)
    return _branch(request, sending.show_version(message))


def _with_uploads(request: HtmxRequest, form: MessageForm) -> dict[str, Any]:
    """Return what is to be sent, with the pictures that a page without a script sends along with the text."""
    uploads = request.FILES.getlist("files")
    if uploads:
        owner = request.user
        stored = [files.store_picture(owner, upload=file, name=file.name or "") for file in uploads]
        # Also for a refusal that comes later: the page offers them again.
        form.cleaned_data["attachment_ids"] += tuple(attachment.public_id for attachment in stored)
    return form.cleaned_data


def _another_version(request: HtmxRequest, public_id: UUID, kind: SendKind) -> HttpResponse:
    answer = access.message_for(request.user, public_id, role=Role.ASSISTANT)
    form = VersionForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("A send id is missing.", content_type="text/plain")
    try:
        turn = sending.answer_again(answer, author=request.user, kind=kind, **form.cleaned_data)
    except Refused as refusal:
        return _branch(request, answer.conversation, refusal=str(refusal))
    return _branch(request, turn.conversation)


def _branch(request: HtmxRequest, conversation: Conversation, refusal: str = "") -> HttpResponse:
    if not request.htmx:
        return redirect(conversation)
    context = pages.branch_context(
        access.conversation_for(request.user, conversation.public_id), request.user
    )
    context["refusal"] = refusal
    return render(request, "conversations/partials/_messages.html", context, status=422 if refusal else 200)


def _refuse(
    request: HtmxRequest, conversation: Conversation | None, form: MessageForm, why: str = ""
) -> HttpResponse:
    composer = composing.refused(form, author=request.user, conversation=conversation, why=why)
    if conversation is None:
        context: dict[str, object] = {"conversation": None, "branch": None, "composer": composer}
        template = "conversations/index.html"
    else:
        context = pages.conversation_context(conversation, request.user, composer)
        template = "conversations/detail.html"
    return pages.page_or_part(request, template, context, part="_composer", status=422)


def _shown(turn: accepting.Turn, request: HtmxRequest) -> list[shown.ShownMessage]:
    if turn.is_new:
        return turns.just_asked(turn.question, turn.generation, viewer=request.user)
    asked: list[Message] = [turn.question, turn.answer]
    return turns.shown(asked, viewer=request.user)
