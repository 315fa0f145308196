"""Which of the answers side by side a conversation went on with: kept as a signal.

What writes is called inside a transaction that has locked the conversation.
"""

from __future__ import annotations

from django.utils import timezone

from conversations.models import Comparison, Generation, Message


def is_open(answer: Message) -> bool:
    """Say whether `answer` stands side by side with others, of which none was chosen yet."""
    return answer.comparison is not None and answer.comparison.chosen_at is None


def are_being_made(answer: Message) -> bool:
    """Say whether an answer that stands side by side with `answer` is still being made."""
    if not is_open(answer):
        return False
    beside = Message.objects.filter(comparison=answer.comparison_id, deleted_at=None)
    return Generation.objects.unfinished().filter(message__in=beside).exists()


def went_on_with(answer: Message) -> None:
    """Keep that `answer` was chosen, if it was compared. The last choice counts, with its time."""
    if answer.comparison_id is None:
        return
    # Going on twice with the same one is one choice.
    others = Comparison.objects.filter(pk=answer.comparison_id).exclude(
        chosen=answer, chosen_at__isnull=False
    )
    others.update(chosen=answer, chosen_at=timezone.now())


def take_place(old: Message, new: Message) -> None:
    """Put a new version into the place of `old`, while nothing is chosen of what stands beside it."""
    if old.comparison_id is None:
        return
    if not Comparison.objects.filter(pk=old.comparison_id, chosen_at=None).exists():
        return
    Message.objects.filter(pk=old.pk).update(comparison=None)
    Message.objects.filter(pk=new.pk).update(comparison=old.comparison_id)
    new.comparison_id = old.comparison_id
