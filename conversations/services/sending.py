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
from conversations.services import (
    accepting,
    assistants,
    choosing,
    files,
    marks,
    temporary,
    titles,
    tree,
    wakeups,
)
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
    is_temporary: bool = False,
    assistant_id: UUID | None = None,
    ask_once: str = "",
) -> accepting.Turn:
    """Store a question and queue its answer; the same send again is the same turn.

    Without a conversation one is made, a temporary one with `is_temporary`, with the assistant that
    `assistant_id` names. `tools`: what the answer may use from now on; None leaves it as it is. `ask_once`:
    who gives this one answer, by assistants.Once.key; the conversation stays as it is.
    Raises Refused (SendIdReused, AlreadyAnswering, assistants.Gone, or why not).
    """
    part = part_of(text)
    with transaction.atomic():
        return store_question(
            conversation,
            author,
            send_id,
            part,
            model_name,
            attachment_ids,
            tools,
            is_temporary,
            assistant_id,
            ask_once,
        )


def part_of(text: str) -> Part:
    """Return the text of a question, rendered; not stored.

    Made before the transaction: a long text must not keep everybody else from writing.
    """
    html = markdown.render(text)
    return Part(position=0, kind=PartKind.TEXT, text=text, html=html, html_version=markdown.VERSION)


def store_question(
    conversation: Conversation | None,
    author: User,
    send_id: UUID,
    part: Part,
    model_name: str,
    attachment_ids: tuple[UUID, ...],
    tools: list[str] | None,
    is_temporary: bool = False,
    assistant_id: UUID | None = None,
    ask_once: str = "",
) -> accepting.Turn:
    """Do what `send_message` does, inside the caller's transaction, with a part of `part_of`."""
    content = (part.text, *map(str, attachment_ids))
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, SendKind.SEND, content):
        return accepting.turn_of(before)
    if not part.text.strip() and not attachment_ids:
        raise Refused("Write a message first.")
    once = assistants.once_of(author, ask_once)
    if conversation is None:
        conversation, model = _begin(author, part, model_name, is_temporary, assistant_id)
    else:
        # What is asked once leaves the conversation's own model as it is.
        own = conversation.model.name if once and conversation.model else ""
        model = accepting.offered(model_name or own, person=author)
    conversation = accepting.locked(conversation)
    parent = conversation.current_leaf
    if parent and parent.generations.unfinished().exists():
        raise accepting.AlreadyAnswering
    accepting.refuse_a_full_queue(author)
    question = tree.append(conversation, role=Role.USER, author=author, parent=parent)
    if parent:
        choosing.went_on_with(parent)
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
    return accepting.queue_answer(
        conversation,
        question,
        model=once.model or model if once else model,
        author=author,
        send=send,
        parameters=once.over(conversation.parameters) if once else None,
    )


def _begin(
    author: User, part: Part, model_name: str, is_temporary: bool, assistant_id: UUID | None
) -> tuple[Conversation, Model]:
    """Make a conversation, with what its assistant says now, and the model that it begins with."""
    opening = assistants.to_begin_with(author, assistant_id) if assistant_id else None
    preset = opening.model.name if opening and opening.model else ""
    model = accepting.offered(model_name or preset, person=author)
    conversation = Conversation.objects.create(
        owner=author,
        model=model,
        title=titles.from_question(part.text),
        expires_at=temporary.ends_at() if is_temporary else None,
        assistant=opening.assistant if opening else None,
        parameters=assistants.snapshot(opening.assistant) if opening else {},
    )
    return conversation, model


@transaction.atomic
def answer_again(
    answer: Message, *, author: User, send_id: UUID, kind: SendKind, model_name: str = "", hint: str = ""
) -> accepting.Turn:
    """Make another version of `answer`, beside it. The same send again is the same version.

    `hint`: one of Hint, how it is to be; it goes to the model with the question, and is no message. Raises
    Refused; AlreadyAnswering where this very answer is still being made.
    """
    content = (str(answer.public_id), model_name, hint)
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, kind, content):
        return accepting.turn_of(before)
    conversation = accepting.locked(answer.conversation)
    answer = tree.standing(answer)
    if answer.generations.unfinished().exists():
        raise accepting.AlreadyAnswering
    accepting.refuse_a_full_queue(author)
    last = answer.generations.order_by("-attempt").first()
    model = accepting.offered(model_name or (last.model_name if last else ""), person=author)
    question = answer.parent
    if question is None:
        raise Refused("There is no question above this answer.")
    send = accepting.record(author, send_id, kind, content, conversation, None)
    tree.leave(conversation, question)
    parameters = assistants.again(conversation.parameters, last.parameters if last else {})
    turn = accepting.queue_answer(
        conversation, question, model=model, author=author, send=send, hint=hint, parameters=parameters
    )
    choosing.take_place(answer, turn.answer)
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
    marks.changed(answer.conversation.owner_id)
