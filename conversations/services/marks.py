"""What the sidebar says beside a title: answering, waiting for an approval, or unread.

`changed` is how every tab of a person, in every process, learns that the list has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from conversations.models import Conversation, Generation, GenerationState, User
from conversations.models.conversations import ConversationQuerySet
from conversations.services import wakeups

_UNREAD = Q(answered_at__isnull=False) & (Q(seen_at=None) | Q(seen_at__lt=F("answered_at")))


class Mark(models.TextChoices):
    """The label is what is read aloud after the title."""

    WAITING = "waiting", "Waiting for your approval"
    RUNNING = "running", "Answering"
    UNREAD = "unread", "Unread answer"


def with_marks(rows: ConversationQuerySet) -> ConversationQuerySet:
    """Have each row say its `mark`, one of Mark or nothing, in the same query."""
    # Not correlated: what is unfinished is looked up once, in an index that holds nothing else, not per row.
    unfinished = Generation.objects.filter(ended_at=None)
    waiting = unfinished.filter(state=GenerationState.WAITING)
    mark = Case(
        When(pk__in=waiting.values("message__conversation"), then=Value(Mark.WAITING)),
        When(pk__in=unfinished.values("message__conversation"), then=Value(Mark.RUNNING)),
        When(_UNREAD, then=Value(Mark.UNREAD)),
        default=Value(""),
        output_field=models.CharField(),
    )
    return rows.annotate(mark=mark)


def marked(conversation: Conversation) -> Conversation:
    """Return the conversation as it is now, with its `mark`. One query."""
    return with_marks(Conversation.objects.filter(pk=conversation.pk)).get()


@dataclass(frozen=True)
class News:
    """What a tab that nobody sees wants to know. `seconds`: how long the unread answer took."""

    is_running: bool
    is_unread: bool
    seconds: int = 0


def news_of(conversation: Conversation) -> News:
    """Return whether an answer is being made or has come. Two queries at most."""
    if Generation.objects.filter(ended_at=None, message__conversation=conversation).exists():
        return News(is_running=True, is_unread=False)
    if not _is_unread(conversation):
        return News(is_running=False, is_unread=False)
    # Both times were written as one.
    last = Generation.objects.filter(message__conversation=conversation, ended_at=conversation.answered_at)
    took = last.values_list("created_at", "ended_at").order_by("id").last()
    return News(False, True, round((took[1] - took[0]).total_seconds()) if took and took[1] else 0)


def _is_unread(conversation: Conversation) -> bool:
    answered, seen = conversation.answered_at, conversation.seen_at
    return answered is not None and (seen is None or seen < answered)


def words_of(mark: str) -> str:
    """Return what a mark says to those who do not see it."""
    return str(Mark(mark).label) if mark else ""


def saw(conversation: Conversation, *, person: User) -> None:
    """Note that its owner has seen what `conversation` says. Costs nothing where nothing is new."""
    if conversation.owner_id != person.pk or not _is_unread(conversation):
        return
    # Not the present time: an answer that ended since then was not seen.
    answered = conversation.answered_at
    older = Q(seen_at=None) | Q(seen_at__lt=answered)
    if Conversation.objects.filter(older, pk=conversation.pk).update(seen_at=answered):
        changed(conversation.owner_id)


def changed(person_id: int) -> None:
    """Tell the open pages of a person, once the transaction is through, that their list has changed."""
    # Not inside the transaction: it would hold the row that all sends of the person lock. Where it fails, the
    # pages are late by one change; what was done stays done.
    transaction.on_commit(partial(_tell, person_id), robust=True)


def _tell(person_id: int) -> None:
    User.objects.filter(pk=person_id).update(list_changed_at=timezone.now())
    wakeups.wake(wakeups.list_topic(person_id))
