"""What a person does with messages: send, stop, retry, regenerate, look at another version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages as notices
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_POST

from conversations.forms.drafts import DraftForm
from conversations.forms.messages import MessageForm, VersionForm
from conversations.models import Conversation, Message, Role, SendKind, WaitingQuestion
from conversations.services import (
    accepting,
    access,
    assistants,
    comparing,
    drafts,
    files,
    lines,
    rearranging,
    sending,
    shown,
    turns,
    versions,
)
from conversations.services.errors import Refused
from conversations.views import composing, pages
from conversations.views import lines as removing
from conversations.views.htmx import HtmxRequest, fragment, kept_without_sign_in


@kept_without_sign_in
@require_POST
def send_first(request: HtmxRequest) -> HttpResponse:
    """Begin a conversation with a question."""
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _refuse(request, None, form)
    try:
        turn = comparing.send(None, author=request.user, **_with_uploads(request, form))
    except Refused as refusal:
        return _refuse(request, None, form, refusal)
    if not request.htmx:
        return redirect(turn.conversation)
    conversation = access.conversation_for(request.user, turn.conversation.public_id)
    context = {**pages.conversation_context(conversation, request.user), "is_new": True}
    response = render(request, "conversations/partials/_conversation.html", context)
    response["HX-Push-Url"] = conversation.get_absolute_url()
    response["HX-Retarget"] = "#main"
    response["HX-Reswap"] = "innerHTML"
    return response


@kept_without_sign_in
@require_POST
def send(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _refuse(request, conversation, form)
    try:
        turn = comparing.send(conversation, author=request.user, **_with_uploads(request, form))
    except Refused as refusal:
        return _refuse(request, conversation, form, refusal)
    if not request.htmx:
        return redirect(turn.conversation)
    if isinstance(turn, WaitingQuestion):
        context = {"conversation": turn.conversation, "line": lines.of(turn.conversation)}
        context["composer"] = composing.drafted(request.user, turn.conversation)
        return render(request, "conversations/partials/_waiting.html", context)
    # The two new messages alone: the tenth turn and the thousandth cost the same.
    branch = _just_sent(turn, request)
    context = pages.context_of(branch or turns.branch_of(turn.conversation, viewer=request.user)) | {
        "composer": composing.drafted(request.user, turn.conversation),
        "line": lines.of(turn.conversation),
        "is_whole": branch is None,
    }
    return render(request, "conversations/partials/_turn.html", context)


@fragment
@require_POST
def stop(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Ask for the end of an answer, or of it and the line behind it. The stream tells when it has ended."""
    answer = access.message_for(request.user, public_id, role=Role.ASSISTANT)
    if request.POST.get("line") == "clear":
        return removing.removed(request, answer.conversation, rearranging.stop_and_clear(answer))
    sending.stop(answer)
    if not request.htmx:
        _keep_what_was_typed(request, answer.conversation)
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
    return branch(request, versions.show(message), at=message)


def _keep_what_was_typed(request: HtmxRequest, conversation: Conversation) -> None:
    # Without a script the whole form comes along with Stop; the page that follows has it again.
    form = DraftForm(request.POST)
    if form.is_valid() and form.cleaned_data["text"].strip():
        drafts.save(request.user, conversation, **form.cleaned_data)


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
        return branch(request, answer.conversation, refusal=str(refusal))
    return branch(request, turn.conversation)


def branch(
    request: HtmxRequest,
    conversation: Conversation,
    *,
    refusal: str = "",
    deletion: UUID | None = None,
    at: Message | None = None,
) -> HttpResponse:
    """Answer the end of the shown branch, or the part around `at`.

    With it goes why something was refused, or the undo of a deletion.
    """
    if not request.htmx:
        if refusal:
            notices.error(request, refusal)
        return redirect(f"{conversation.get_absolute_url()}?m={at.public_id}" if at else conversation)
    if _is_at_a_comparison(request):
        # A page of its own: what is done there shows in the conversation.
        if refusal:
            notices.error(request, refusal)
        return HttpResponse(headers={"HX-Redirect": conversation.get_absolute_url()})
    conversation = access.conversation_for(request.user, conversation.public_id)
    context = pages.branch_context(conversation, request.user, at=at)
    context |= {"refusal": refusal, "deletion": deletion, "with_line": True}
    return render(request, "conversations/partials/_messages.html", context, status=422 if refusal else 200)


def _is_at_a_comparison(request: HtmxRequest) -> bool:
    try:
        return resolve(request.htmx.current_url_abs_path or "").view_name == "conversations:comparison"
    except Resolver404:
        return False


def _refuse(
    request: HtmxRequest, conversation: Conversation | None, form: MessageForm, why: Refused | None = None
) -> HttpResponse:
    status = 404 if isinstance(why, assistants.Gone) else 422
    if status == 404 and request.htmx:
        # The page keeps its composer as it is, and says this beside it.
        return HttpResponse(str(why), status=404, content_type="text/plain; charset=utf-8")
    words = str(why) if why else ""
    composer = composing.refused(form, author=request.user, conversation=conversation, why=words)
    if conversation is None:
        context: dict[str, object] = {"conversation": None, "branch": None, "composer": composer}
        template = "conversations/index.html"
    else:
        context = pages.conversation_context(conversation, request.user, composer)
        template = "conversations/detail.html"
    return pages.page_or_part(request, template, context, part="_composer", status=status)


def _just_sent(turn: accepting.Turn, request: HtmxRequest) -> shown.Branch | None:
    """Return what came to the branch with a send; None where more than its end changed."""
    above, comparison = turn.question.parent, turn.answer.comparison
    if (above and above.comparison_id) or (comparison and not turn.is_new):
        # What stood side by side stands in the line now.
        return None
    if comparison:
        return turns.just_compared(comparison, viewer=request.user)
    return shown.Branch(turn.conversation, _shown(turn, request))


def _shown(turn: accepting.Turn, request: HtmxRequest) -> list[shown.ShownMessage]:
    if turn.is_new:
        return turns.just_asked(turn.question, turn.generation, viewer=request.user)
    asked: list[Message] = [turn.question, turn.answer]
    return turns.shown(asked, viewer=request.user)
