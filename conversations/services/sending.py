"""A person asks: send, retry, regenerate, stop. Nothing here waits for a model.

The row is the hand-over: what is stored QUEUED here, the engine finds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from conversations.models import (
    Conversation,
    Generation,
    GenerationState,
    Message,
    Model,
    Part,
    PartKind,
    Role,
    Send,
    SendKind,
    ToolCall,
    ToolCallState,
    User,
)
from conversations.rendering import markdown
from conversations.services import catalog, files, titles, tree, wakeups
from conversations.services.errors import Refused


class SendIdReused(Refused):
    """The same send id came before with other content."""

    def __init__(self) -> None:
        super().__init__("This was sent before with another text. Check it, and send it again.")


class AlreadyAnswering(Refused):
    """An answer of this branch is still being written."""

    def __init__(self) -> None:
        super().__init__("An answer is still being written. Wait for its end, or stop it.")


@dataclass(frozen=True)
class Turn:
    """A question and the answer that is being made to it."""

    conversation: Conversation
    question: Message
    answer: Message
    is_new: bool
    generation: Generation


def send_message(
    conversation: Conversation | None,
    *,
    author: User,
    send_id: UUID,
    text: str,
    model_name: str,
    attachment_ids: tuple[UUID, ...] = (),
    tools: list[str] | None = None,
) -> Turn:
    """Store a question and queue its answer; the same send again is the same turn.

    Without a conversation one is made. `tools`: what the answer may use from now on; None leaves it as it is.
    Raises Refused (SendIdReused, AlreadyAnswering, or why not).
    """
    # Rendered before the transaction: a long text must not keep everybody else from writing.
    part = Part(position=0, kind=PartKind.TEXT, text=text)
    part.html, part.html_version = markdown.render(text), markdown.VERSION
    with transaction.atomic():
        return _store_question(conversation, author, send_id, part, model_name, attachment_ids, tools)


def _store_question(
    conversation: Conversation | None,
    author: User,
    send_id: UUID,
    part: Part,
    model_name: str,
    attachment_ids: tuple[UUID, ...],
    tools: list[str] | None,
) -> Turn:
    content = (part.text, *map(str, attachment_ids))
    _in_turn(author)
    if before := _sent_before(author, send_id, SendKind.SEND, content):
        return _turn_of(before)
    if not part.text.strip() and not attachment_ids:
        raise Refused("Write a message first.")
    model = _offered(model_name)
    if conversation is None:
        conversation = Conversation.objects.create(
            owner=author, model=model, title=titles.from_question(part.text)
        )
    conversation = _locked(conversation)
    parent = conversation.current_leaf
    if parent and parent.generations.unfinished().exists():
        raise AlreadyAnswering
    _refuse_a_full_queue(author)
    question = tree.append(conversation, role=Role.USER, author=author, parent=parent)
    if part.text.strip():
        part.message = question
        part.save()
    if attachment_ids:
        files.attach(question, owner=author, attachment_ids=list(attachment_ids))
    send = _record(author, send_id, SendKind.SEND, content, conversation, question)
    if tools is not None:
        kept = {name: value for name, value in conversation.parameters.items() if name != "tools"}
        conversation.parameters = kept | ({"tools": tools} if tools else {})
    conversation.model = model
    conversation.save(update_fields=["model", "parameters"])
    return _queue_answer(conversation, question, model=model, author=author, send=send)


@transaction.atomic
def answer_again(
    answer: Message, *, author: User, send_id: UUID, kind: SendKind, model_name: str = ""
) -> Turn:
    """Make another version of `answer`, beside it. The same send again is the same version.

    Raises Refused; AlreadyAnswering where this very answer is still being made.
    """
    content = (str(answer.public_id), model_name)
    _in_turn(author)
    if before := _sent_before(author, send_id, kind, content):
        return _turn_of(before)
    conversation = _locked(answer.conversation)
    if answer.generations.unfinished().exists():
        raise AlreadyAnswering
    _refuse_a_full_queue(author)
    last = answer.generations.order_by("-attempt").first()
    model = _offered(model_name or (last.model_name if last else ""))
    question = answer.parent
    if question is None:
        raise Refused("There is no question above this answer.")
    send = _record(author, send_id, kind, content, conversation, None)
    turn = _queue_answer(conversation, question, model=model, author=author, send=send)
    Send.objects.filter(pk=send.pk).update(message=turn.answer)
    return turn


@transaction.atomic
def stop(answer: Message) -> None:
    """Ask for the end of the making of `answer`; what came so far is kept."""
    now = timezone.now()
    unfinished = answer.generations.unfinished()
    waiting = ToolCall.objects.filter(generation__in=unfinished.filter(state=GenerationState.WAITING))
    waiting.filter(state__in=(ToolCallState.WAITING, ToolCallState.QUEUED)).update(
        state=ToolCallState.STOPPED, error="The turn was stopped.", ended_at=now
    )
    # Nobody has begun yet: it ends here. Whoever runs it otherwise sees the request.
    unfinished.filter(state__in=[GenerationState.QUEUED, GenerationState.WAITING]).update(
        state=GenerationState.STOPPED, stop_requested_at=now, ended_at=now
    )
    unfinished.filter(state=GenerationState.RUNNING, stop_requested_at=None).update(stop_requested_at=now)
    wakeups.wake_on_commit(wakeups.STOP)
    wakeups.wake_on_commit(wakeups.conversation_topic(answer.conversation_id))


@transaction.atomic
def show_version(message: Message) -> Conversation:
    """Show the branch that goes through `message`, at its youngest end."""
    conversation = _locked(message.conversation)
    tree.show(conversation, tree.newest_leaf_under(message))
    return conversation


def _queue_answer(
    conversation: Conversation, question: Message, *, model: Model, author: User, send: Send
) -> Turn:
    answer = tree.append(conversation, role=Role.ASSISTANT, parent=question)
    generation = Generation.objects.create(
        message=answer,
        asked_by=author,
        send=send,
        model=model,
        model_name=model.name,
        parameters=conversation.parameters,
    )
    tree.show(conversation, answer, active_at=timezone.now())
    wakeups.wake_on_commit(wakeups.QUEUE)
    return Turn(conversation, question, answer, is_new=True, generation=generation)


def _in_turn(author: User) -> None:
    # The same send from five tabs at once: four of them wait here, then find what the first one stored.
    # (SQLite has no such lock; its IMMEDIATE transactions take turns anyway.)
    if connection.features.has_select_for_update:
        User.objects.select_for_update().only("pk").get(pk=author.pk)


def _locked(conversation: Conversation) -> Conversation:
    # Two tabs that send at once take turns. (On SQLite the IMMEDIATE transaction sees to it.)
    locked = Conversation.objects.select_for_update(of=("self",)).select_related("current_leaf")
    return locked.get(pk=conversation.pk)


def _offered(model_name: str) -> Model:
    if not model_name:
        model = catalog.default_model()
        if model is None:
            raise Refused("No model is switched on. Ask an admin.")
        return model
    model = Model.objects.offered().filter(name=model_name).first()
    if model is None:
        raise Refused(f"{model_name} is not offered any more. Choose another model.")
    return model


def _refuse_a_full_queue(author: User) -> None:
    if Generation.objects.filter(asked_by=author).unfinished().count() >= settings.ENGINE_QUEUE_PER_PERSON:
        raise Refused("Too many of your answers are still being written. Wait for one of them.")


def _digest(kind: SendKind, content: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join([kind, *content]).encode()).hexdigest()


def _sent_before(author: User, send_id: UUID, kind: SendKind, content: tuple[str, ...]) -> Send | None:
    send = (
        Send.objects.filter(author=author, send_id=send_id).select_related("conversation", "message").first()
    )
    if send and send.digest != _digest(kind, content):
        raise SendIdReused
    return send


def _record(
    author: User,
    send_id: UUID,
    kind: SendKind,
    content: tuple[str, ...],
    conversation: Conversation,
    message: Message | None,
) -> Send:
    return Send.objects.create(
        author=author,
        send_id=send_id,
        kind=kind,
        digest=_digest(kind, content),
        conversation=conversation,
        message=message,
    )


def _turn_of(send: Send) -> Turn:
    generation = send.generations.select_related("message__parent").order_by("id").first()
    if generation is None or generation.message.parent is None or send.conversation.deleted_at:
        raise Refused("What was sent before is gone.")
    return Turn(
        send.conversation, generation.message.parent, generation.message, is_new=False, generation=generation
    )
