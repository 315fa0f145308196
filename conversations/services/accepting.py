"""What every accepted request of a person is made of: taken once, in turn, and on record.

Used inside one transaction, in this order: `in_turn`, `sent_before`, `locked`, `record`, `queue_answer`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from conversations.models import Conversation, Generation, Message, Model, Role, Send, SendKind, User
from conversations.services import catalog, tree, wakeups
from conversations.services.errors import Refused


class SendIdReused(Refused):
    """The same send id came before with other content."""

    def __init__(self) -> None:
        super().__init__("This was sent before with another text. Check it, and send it again.")


class AlreadyAnswering(Refused):
    """An answer of this branch is still being written."""

    def __init__(self) -> None:
        super().__init__("An answer is still being written. Wait for its end, or stop it.")


class TooManyAnswers(Refused):
    """The person's answers fill the queue; a little later there is room."""

    def __init__(self) -> None:
        super().__init__("Too many of your answers are still being written. Wait for one of them.")


@dataclass(frozen=True)
class Turn:
    """A question and the answer that is being made to it."""

    conversation: Conversation
    question: Message
    answer: Message
    is_new: bool
    generation: Generation


def queue_answer(
    conversation: Conversation,
    question: Message,
    *,
    model: Model,
    author: User,
    send: Send,
    hint: str = "",
    parameters: dict[str, Any] | None = None,
) -> Turn:
    """Queue an answer. `parameters`: those of this one answer, in the place of the conversation's."""
    answer = tree.append(conversation, role=Role.ASSISTANT, parent=question)
    generation = Generation.objects.create(
        message=answer,
        asked_by=author,
        send=send,
        model=model,
        model_name=model.name,
        parameters=(parameters or conversation.parameters) | ({"hint": hint} if hint else {}),
    )
    tree.show(conversation, answer, active_at=timezone.now())
    wakeups.wake_on_commit(wakeups.QUEUE)
    return Turn(conversation, question, answer, is_new=True, generation=generation)


def in_turn(author: User) -> None:
    """Wait for the author's other requests. Raises Refused where the author was deactivated."""
    # The same send from five tabs at once: four of them wait here, then find what the first one stored.
    # (SQLite has no such lock; its IMMEDIATE transactions take turns anyway.)
    people = User.objects.filter(pk=author.pk)
    if connection.features.has_select_for_update:
        people = people.select_for_update()
    # Deactivated since the request began: the stop of their answers has been, and would miss this one.
    if not people.values_list("is_active", flat=True).get():
        raise Refused("Your account may not be used any more. Ask an admin.")


def locked(conversation: Conversation) -> Conversation:
    # Two tabs that send at once take turns. (On SQLite the IMMEDIATE transaction sees to it.)
    locked = Conversation.objects.select_for_update(of=("self",)).select_related("current_leaf")
    return locked.get(pk=conversation.pk)


def offered(model_name: str, *, person: User) -> Model:
    """Return the model that `person` asks for, or begins with where they name none.

    Raises Refused where it is not offered to them: switched off, served by no key, or for other groups.
    """
    if not model_name:
        model = catalog.default_model(person)
        if model is None:
            raise Refused("No model is switched on. Ask an admin.")
        return model
    model = Model.objects.offered_to(person).filter(name=model_name).first()
    if model is None:
        raise Refused(f"{model_name} is not offered any more. Choose another model.")
    return model


def refuse_a_full_queue(author: User, *, more: int = 1) -> None:
    """Raise TooManyAnswers where the author's queue has no room for so many more answers."""
    unfinished = Generation.objects.filter(asked_by=author).unfinished().count()
    if unfinished + more > settings.ENGINE_QUEUE_PER_PERSON:
        raise TooManyAnswers


def digest_of(kind: SendKind, content: tuple[str, ...]) -> str:
    """Return what two requests with the same send id are compared by."""
    return hashlib.sha256("\0".join([kind, *content]).encode()).hexdigest()


def sent_before(author: User, send_id: UUID, kind: SendKind, content: tuple[str, ...]) -> Send | None:
    send = (
        Send.objects.filter(author=author, send_id=send_id).select_related("conversation", "message").first()
    )
    if send and send.digest != digest_of(kind, content):
        raise SendIdReused
    return send


def record(
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
        digest=digest_of(kind, content),
        conversation=conversation,
        message=message,
    )


def turn_of(send: Send) -> Turn:
    generation = send.generations.select_related("message__parent").order_by("id").first()
    if generation is None or generation.message.parent is None or send.conversation.deleted_at:
        raise Refused("What was sent before is gone.")
    return Turn(
        send.conversation, generation.message.parent, generation.message, is_new=False, generation=generation
    )
