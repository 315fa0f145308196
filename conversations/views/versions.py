"""What a person does with one message: edit, continue, fork, put its branch away and bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.contrib import messages as notices
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.forms.messages import DeletionForm, EditForm, SendIdForm
from conversations.models import Attachment, Message, PartKind, Role
from conversations.services import access, continuing, forking, pruning, versions
from conversations.services.errors import Refused
from conversations.views import pages
from conversations.views.htmx import HtmxRequest
from conversations.views.messages import branch

_NO_ID = "A send id is missing."


@dataclass(frozen=True)
class Editing:
    """A question as its edit form shows it; `kept` are the ids of the pictures that stay."""

    question: Message
    text: str
    attachments: Sequence[Attachment]
    kept: Sequence[UUID]
    errors: Sequence[str] = ()
    send_id: UUID = field(default_factory=uuid4)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Ask a question in other words: its form in the place of the bubble, or a page of its own."""
    question = access.message_for(request.user, public_id, role=Role.USER)
    if request.method != "POST":
        return _show_edit(request, _as_it_is(question))
    form = EditForm(request.POST)
    errors = [str(message) for found in form.errors.values() for message in found]
    if not errors:
        try:
            turn = versions.edit_question(question, author=request.user, **form.edit)
            return branch(request, turn.conversation)
        except Refused as refusal:
            errors = [str(refusal)]
    editing = Editing(
        question,
        text=form.data.get("text", ""),
        attachments=_attachments(question),
        kept=form.cleaned_data.get("attachment_ids", ()),
        errors=errors,
    )
    return _show_edit(request, editing, status=422)


@require_safe
def again(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """The models by which an answer can be made again."""
    answer = access.message_for(request.user, public_id, role=Role.ASSISTANT)
    context = {"answer": answer, "conversation": answer.conversation}
    return pages.page_or_part(request, "conversations/again.html", context, part="_again")


@require_POST
def continue_answer(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    answer = access.message_for(request.user, public_id, role=Role.ASSISTANT)
    form = SendIdForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_NO_ID, content_type="text/plain")
    try:
        continuing.continue_answer(answer, author=request.user, send_id=form.cleaned_data["send_id"])
    except Refused as refusal:
        return branch(request, answer.conversation, refusal=str(refusal))
    return branch(request, answer.conversation)


@require_POST
def fork(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Make a conversation of the branch up to a message, and go there."""
    message = access.message_for(request.user, public_id)
    form = SendIdForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_NO_ID, content_type="text/plain")
    try:
        forked = forking.fork(message, author=request.user, send_id=form.cleaned_data["send_id"])
    except Refused as refusal:
        return branch(request, message.conversation, refusal=str(refusal))
    if not request.htmx:
        return redirect(forked)
    conversation = access.conversation_for(request.user, forked.public_id)
    context = pages.conversation_context(conversation, request.user)
    response = render(request, "conversations/partials/_conversation.html", context)
    response["HX-Push-Url"] = conversation.get_absolute_url()
    response["HX-Retarget"] = "#main"
    response["HX-Reswap"] = "innerHTML"
    return response


@require_POST
def delete_branch(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Put a message and all below it away, and offer to undo it."""
    message = access.message_for(request.user, public_id)
    try:
        deletion = pruning.delete_branch(message)
    except Refused as refusal:
        return branch(request, message.conversation, refusal=str(refusal))
    if not request.htmx:
        notices.success(request, "Deleted. “Deleted branches” in the menu of the title brings it back.")
    return branch(request, message.conversation, deletion=deletion)


@require_safe
def deleted_branches(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    context = {"conversation": conversation, "deletions": pruning.deletions(conversation)}
    return pages.page_or_part(
        request, "conversations/deleted_branches.html", context, part="_deleted_branches"
    )


@require_POST
def bring_back(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    form = DeletionForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("It is not said what to bring back.", content_type="text/plain")
    try:
        pruning.restore(conversation, form.cleaned_data["deletion"])
    except Refused as refusal:
        return branch(request, conversation, refusal=str(refusal))
    return branch(request, conversation)


def _as_it_is(question: Message) -> Editing:
    said = question.parts.filter(kind=PartKind.TEXT).order_by("position")
    attachments = _attachments(question)
    text = "\n\n".join(said.values_list("text", flat=True))
    return Editing(question, text, attachments, kept=[kept.public_id for kept in attachments])


def _attachments(question: Message) -> list[Attachment]:
    return list(question.attachments.select_related("file").order_by("position", "id"))


def _show_edit(request: HtmxRequest, editing: Editing, *, status: int = 200) -> HttpResponse:
    context = {"editing": editing, "conversation": editing.question.conversation}
    return pages.page_or_part(request, "conversations/edit.html", context, part="_edit", status=status)
