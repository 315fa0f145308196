"""One question to several models, their answers side by side, one of them chosen to go on with.

The answers are versions of each other, each made, stopped and broken on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from conversations.models import (
    Comparison,
    Conversation,
    Generation,
    Message,
    Model,
    Send,
    SendKind,
    User,
    WaitingQuestion,
)
from conversations.services import accepting, choosing, drafts, lines, sending, tree
from conversations.services.errors import Refused

FEWEST = 2
MOST = 4


def send(
    conversation: Conversation | None,
    *,
    author: User,
    model_name: str,
    compare: Sequence[str] = (),
    **given: Any,
) -> accepting.Turn | WaitingQuestion:
    """Send a question to one model, as lines.send does, or to it and those of `compare` side by side."""
    if compare:
        return ask_all(conversation, author=author, model_names=(model_name, *compare), **given)
    return lines.send(conversation, author=author, model_name=model_name, **given)


def ask_all(
    conversation: Conversation | None,
    *,
    author: User,
    send_id: UUID,
    text: str,
    model_names: Sequence[str],
    attachment_ids: tuple[UUID, ...] = (),
    tools: list[str] | None = None,
    is_temporary: bool = False,
    assistant_id: UUID | None = None,
    ask_once: str = "",
) -> accepting.Turn:
    """Store a question and queue an answer of each model; return the turn of the first one.

    The other arguments are those of sending.send_message. The same send again is the same comparison.
    Raises Refused: fewer than two models or more than four, AlreadyAnswering, TooManyAnswers, or why not.
    """
    part = sending.part_of(text)
    names = tuple(dict.fromkeys(name for name in model_names if name))
    content = (text, *map(str, attachment_ids), *names)
    with transaction.atomic():
        accepting.in_turn(author)
        if before := accepting.sent_before(author, send_id, SendKind.COMPARE, content):
            return accepting.turn_of(before)
        if WaitingQuestion.objects.filter(author=author, send_id=send_id).exists():
            raise accepting.SendIdReused
        if not FEWEST <= len(names) <= MOST:
            raise Refused("Choose two, three or four models to compare.")
        if ask_once:
            raise Refused("Ask one of them with @, or compare several: not both at once.")
        models = [accepting.offered(name, person=author) for name in names]
        accepting.refuse_a_full_queue(author, more=len(models))
        turn = sending.store_question(
            conversation,
            author,
            send_id,
            part,
            names[0],
            attachment_ids,
            tools,
            is_temporary,
            assistant_id,
        )
        send = Send.objects.get(author=author, send_id=send_id)
        send.kind, send.digest = SendKind.COMPARE, accepting.digest_of(SendKind.COMPARE, content)
        send.save(update_fields=["kind", "digest"])
        comparison = Comparison.objects.create(question=turn.question, made_by=author)
        _put_into(comparison, [turn.answer])
        _ask(comparison, turn.conversation, models[1:], author=author, send=send)
        tree.show(turn.conversation, turn.answer)
        # Who waits in line waits for the choice.
        lines.standing_in(turn.conversation).update(after=turn.answer)
        drafts.sent(author, conversation, text=text)
    return turn


@transaction.atomic
def compare_with(
    answer: Message, *, author: User, send_id: UUID, model_names: Sequence[str]
) -> accepting.Turn:
    """Ask the question of `answer` to more models, beside it; return the turn of the first of them.

    Where nothing is chosen yet of what it stands side by side with, they join it. The same send again is the
    same comparison. Raises Refused, as `ask_all` does.
    """
    names = tuple(dict.fromkeys(model_names))
    content = (str(answer.public_id), *names)
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, SendKind.COMPARE, content):
        return accepting.turn_of(before)
    conversation = accepting.locked(answer.conversation)
    answer = tree.standing(answer)
    question = answer.parent
    if question is None:
        raise Refused("There is no question above this answer.")
    comparison = answer.comparison
    if comparison and comparison.chosen_at:
        comparison = None
    beside = standing_in(comparison) if comparison else [answer]
    if Generation.objects.unfinished().filter(message__in=beside).exists():
        raise accepting.AlreadyAnswering
    models = _others_than(beside, names, author)
    accepting.refuse_a_full_queue(author, more=len(models))
    send = accepting.record(author, send_id, SendKind.COMPARE, content, conversation, None)
    if comparison is None:
        comparison = Comparison.objects.create(question=question, made_by=author)
        _put_into(comparison, [answer])
    tree.leave(conversation, question)
    first, *_ = _ask(comparison, conversation, models, author=author, send=send)
    Send.objects.filter(pk=send.pk).update(message=first.answer)
    tree.show(conversation, first.answer)
    return first


@transaction.atomic
def choose(answer: Message) -> Conversation:
    """Go on with `answer`, by its model, where one last was below it; the others stay as versions.

    May be said again, of another one. Raises Refused where the answer was not compared.
    """
    conversation = accepting.locked(answer.conversation)
    answer = tree.standing(answer)
    if answer.comparison_id is None:
        raise Refused("This answer was not compared with others.")
    choosing.went_on_with(answer)
    leaf = tree.remembered_leaf_under(answer)
    made = answer.generations.order_by("-attempt").first()
    if made and made.model_id:
        conversation.model_id = made.model_id
        conversation.save(update_fields=["model"])
    lines.standing_in(conversation).filter(after__comparison=answer.comparison_id).update(after=leaf)
    if leaf.pk != conversation.current_leaf_id:
        tree.leave(conversation, leaf)
    tree.show(conversation, leaf)
    return conversation


@transaction.atomic
def stop(comparison: Comparison) -> None:
    """Ask for the end of all answers that are still being made."""
    for answer in standing_in(comparison):
        sending.stop(answer)


def standing_in(comparison: Comparison) -> list[Message]:
    """Return its answers but those that were deleted, oldest first."""
    answers = Message.objects.filter(comparison=comparison, deleted_at=None)
    return list(answers.select_related("conversation").order_by("id"))


def _others_than(beside: list[Message], names: Sequence[str], author: User) -> list[Model]:
    made = Generation.objects.filter(message__in=beside).order_by("message", "attempt")
    asked = dict(made.values_list("message_id", "model_name"))
    fresh = [name for name in names if name and name not in asked.values()]
    models = [accepting.offered(name, person=author) for name in fresh]
    if not models:
        raise Refused("Choose another model to compare with.")
    if len(beside) + len(models) > MOST:
        raise Refused(f"At most {MOST} answers stand side by side. Choose fewer models.")
    return models


def _ask(
    comparison: Comparison, conversation: Conversation, models: Sequence[Model], *, author: User, send: Send
) -> list[accepting.Turn]:
    question = comparison.question
    turns = [
        accepting.queue_answer(conversation, question, model=model, author=author, send=send)
        for model in models
    ]
    _put_into(comparison, [turn.answer for turn in turns])
    return turns


def _put_into(comparison: Comparison, answers: Sequence[Message]) -> None:
    Message.objects.filter(pk__in=[answer.pk for answer in answers]).update(comparison=comparison)
    for answer in answers:
        answer.comparison = comparison
