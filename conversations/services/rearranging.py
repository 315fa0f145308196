"""What a person changes in a line: words, order, what stands in it at all. Every open page follows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.models import Conversation, Message, WaitingQuestion
from conversations.services import accepting, assistants, lines, sending, tree
from conversations.services.errors import Refused


@transaction.atomic
def change(waiting: WaitingQuestion, *, text: str, model_name: str) -> None:
    """Change a question in line. Raises Refused; lines.NotInLine where it was sent meanwhile.

    Whom it asked once stays asked, unless that is what it could not be sent for.
    """
    conversation = accepting.locked(waiting.conversation)
    if not text.strip() and not waiting.attachments.exists():
        raise Refused("Write a message first.")
    accepting.offered(model_name, person=waiting.author)
    row = lines.standing_in(conversation).filter(pk=waiting.pk)
    if not row.update(text=text, model_name=model_name, ask_once=_still_asked(waiting), problem=""):
        raise lines.NotInLine
    tree.touch(conversation)


def _still_asked(waiting: WaitingQuestion) -> dict[str, str] | None:
    asked: dict[str, str] | None = waiting.ask_once
    try:
        assistants.once_of(waiting.author, asked["key"] if asked else "")
    except assistants.Gone:
        return None
    return asked


@transaction.atomic
def move(waiting: WaitingQuestion, *, by: int) -> None:
    """Move a question by so many places, upwards where `by` is negative. Raises lines.NotInLine."""
    conversation = accepting.locked(waiting.conversation)
    line = list(lines.standing_in(conversation))
    place = next((place for place, row in enumerate(line) if row.pk == waiting.pk), None)
    if place is None:
        raise lines.NotInLine
    line.insert(max(0, place + by), line.pop(place))
    for number, row in enumerate(line):
        row.position = number
    WaitingQuestion.objects.bulk_update(line, ["position"])
    tree.touch(conversation)


@transaction.atomic
def remove(conversation: Conversation, waiting: Iterable[WaitingQuestion]) -> list[UUID]:
    """Take questions out of the line; `restore` brings back those whose ids are returned."""
    conversation = accepting.locked(conversation)
    found = list(lines.standing_in(conversation).filter(pk__in=[row.pk for row in waiting]))
    if found:
        rows = WaitingQuestion.objects.filter(pk__in=[row.pk for row in found])
        rows.update(removed_at=timezone.now())
        tree.touch(conversation)
    return [row.public_id for row in found]


@transaction.atomic
def stop_and_clear(answer: Message) -> list[UUID]:
    """Stop an answer, with what has followed it from the line meanwhile; return what was taken out."""
    conversation = accepting.locked(answer.conversation)
    removed = remove(conversation, lines.standing_in(conversation))
    sending.stop(answer)
    if conversation.current_leaf and conversation.current_leaf_id != answer.pk:
        sending.stop(conversation.current_leaf)
    return removed


@transaction.atomic
def restore(conversation: Conversation, public_ids: Iterable[UUID]) -> None:
    """Put removed questions back where they were. Raises Refused where the line is full."""
    conversation = accepting.locked(conversation)
    removed = WaitingQuestion.objects.filter(conversation=conversation, public_id__in=list(public_ids))
    removed = removed.exclude(removed_at=None)
    lines.refuse_a_full_line(conversation, removed.count())
    if removed.update(removed_at=None):
        lines.standing_in(conversation).update(after=conversation.current_leaf)
        tree.touch(conversation)


def erase_removed(before: datetime) -> int:
    """Erase what was taken out of a line before `before`; return how many. Their pictures follow as stale."""
    deleted, _ = WaitingQuestion.objects.filter(removed_at__lt=before).delete()
    return deleted
