"""An answer that was cut goes on: as the same message, by another generation of it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.models import Generation, GenerationState, Message, PartKind, SendKind, User
from conversations.services import accepting, tree, wakeups
from conversations.services.errors import Refused

# Whoever made it said that it was cut, or it broke off. A failed continuation can be asked for again.
_BROKEN_OFF = (GenerationState.INTERRUPTED, GenerationState.STOPPED)


def is_cut(generation: Generation) -> bool:
    """Whether the answer, as this last generation of it left it, may be continued. No query."""
    if generation.state == GenerationState.FAILED:
        return generation.attempt > 1
    return generation.state in _BROKEN_OFF or (
        generation.state == GenerationState.SUCCEEDED and generation.finish_reason == "length"
    )


@transaction.atomic
def continue_answer(answer: Message, *, author: User, send_id: UUID) -> accepting.Turn:
    """Queue another generation of `answer`, which goes on where the last one was cut.

    The same send again is the same generation. Raises Refused; AlreadyAnswering where it is being written.
    """
    content = (str(answer.public_id),)
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, SendKind.CONTINUE, content):
        return accepting.turn_of(before)
    conversation = accepting.locked(answer.conversation)
    answer = tree.standing(answer)
    if answer.generations.unfinished().exists():
        raise accepting.AlreadyAnswering
    last = answer.generations.order_by("-attempt").first()
    if last is None or not is_cut(last):
        raise Refused("This answer was not cut. There is nothing to continue.")
    if answer.parent is None or not answer.parts.filter(kind=PartKind.TEXT).exists():
        raise Refused("Nothing was said yet that could be continued. Try Retry.")
    accepting.refuse_a_full_queue(author)
    model = accepting.offered(last.model_name, person=author)
    send = accepting.record(author, send_id, SendKind.CONTINUE, content, conversation, answer)
    generation = Generation.objects.create(
        message=answer,
        attempt=last.attempt + 1,
        asked_by=author,
        send=send,
        model=model,
        model_name=model.name,
        parameters=last.parameters,
    )
    tree.touch(conversation, active_at=timezone.now())
    wakeups.wake_on_commit(wakeups.QUEUE)
    return accepting.Turn(conversation, answer.parent, answer, is_new=True, generation=generation)
