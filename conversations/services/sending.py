"""A person asks: send, retry, regenerate, stop. Nothing here waits for a model.

The row is the hand-over: what is stored QUEUED here, the engine finds.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.models import (
    Conversation,
    GenerationState,
    Message,
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
from conversations.services import accepting, files, titles, tree, wakeups
from conversations.services.errors import Refused


def send_message(
    conversation: Conversation | None,
    *,
    author: User,
    send_id: UUID,
    text: str,
    model_name: str,
    attachment_ids: tuple[UUID, ...] = (),
    tools: list[str] | None = None,
) -> accepting.Turn:
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
) -> accepting.Turn:
    content = (part.text, *map(str, attachment_ids))
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, SendKind.SEND, content):
        return accepting.turn_of(before)
    if not part.text.strip() and not attachment_ids:
        raise Refused("Write a message first.")
    model = accepting.offered(model_name)
    if conversation is None:
        conversation = Conversation.objects.create(
            owner=author, model=model, title=titles.from_question(part.text)
        )
    conversation = accepting.locked(conversation)
    parent = conversation.current_leaf
    if parent and parent.generations.unfinished().exists():
        raise accepting.AlreadyAnswering
    accepting.refuse_a_full_queue(author)
    question = tree.append(conversation, role=Role.USER, author=author, parent=parent)
    if part.text.strip():
        part.message = question
        part.save()
    if attachment_ids:
        files.attach(question, owner=author, attachment_ids=list(attachment_ids))
    send = accepting.record(author, send_id, SendKind.SEND, content, conversation, question)
    if tools is not None:
        kept = {name: value for name, value in conversation.parameters.items() if name != "tools"}
        conversation.parameters = kept | ({"tools": tools} if tools else {})
    conversation.model = model
    conversation.save(update_fields=["model", "parameters"])
    return accepting.queue_answer(conversation, question, model=model, author=author, send=send)


@transaction.atomic
def answer_again(
    answer: Message, *, author: User, send_id: UUID, kind: SendKind, model_name: str = ""
) -> accepting.Turn:
    """Make another version of `answer`, beside it. The same send again is the same version.

    Raises Refused; AlreadyAnswering where this very answer is still being made.
    """
    content = (str(answer.public_id), model_name)
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, kind, content):
        return accepting.turn_of(before)
    conversation = accepting.locked(answer.conversation)
    if answer.generations.unfinished().exists():
        raise accepting.AlreadyAnswering
    accepting.refuse_a_full_queue(author)
    last = answer.generations.order_by("-attempt").first()
    model = accepting.offered(model_name or (last.model_name if last else ""))
    question = answer.parent
    if question is None:
        raise Refused("There is no question above this answer.")
    send = accepting.record(author, send_id, kind, content, conversation, None)
    turn = accepting.queue_answer(conversation, question, model=model, author=author, send=send)
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
    conversation = accepting.locked(message.conversation)
    tree.show(conversation, tree.newest_leaf_under(message))
    return conversation
