"""Conversations found again: the list of the sidebar, and words in titles and messages."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Exists, Min, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from conversations.models import Conversation, Part, PartKind, User
from conversations.models.conversations import ConversationQuerySet
from conversations.rendering import plain
from conversations.services import marks

PAGE = 40
_WORDS = 8
_SEARCHED = (PartKind.TEXT, PartKind.REFUSAL)


@dataclass(frozen=True)
class Page:
    """A piece of the list: (label, conversations), newest first. `next_place` leads on; None at the end."""

    groups: list[tuple[str, list[Conversation]]]
    next_place: str | None
    query: str

    @property
    def next_url(self) -> str | None:
        if self.next_place is None:
            return None
        words = {"before": self.next_place} | ({"q": self.query} if self.query else {})
        return f"{reverse('conversations:sidebar')}?{urlencode(words)}"


@dataclass(frozen=True)
class Hit:
    """A conversation that was found, and the sentence that says why."""

    conversation: Conversation
    message_id: str | None
    at: datetime
    snippet: str


@dataclass(frozen=True)
class Row:
    """One conversation of the sidebar's first page, as an open page is told of it. `words` says its mark."""

    id: str
    title: str
    mark: str
    words: str
    temporary: bool


def rows_of(page: Page) -> list[Row]:
    """Return what a page lists, in its order."""
    return [_row(conversation) for _, group in page.groups for conversation in group]


def _row(conversation: Conversation) -> Row:
    mark: str = conversation.mark  # type: ignore[attr-defined]  # marks.with_marks
    return Row(
        str(conversation.public_id),
        str(conversation),
        mark,
        marks.words_of(mark),
        conversation.expires_at is not None,
    )


def sidebar(user: User, *, query: str = "", before: str = "", now: datetime | None = None) -> Page:
    """Return one page of the person's own conversations, grouped by day in their time zone. One query."""
    rows = marks.with_marks(Conversation.objects.visible_to(user).for_sidebar())
    if query.strip():
        rows = matching(rows, query)
    if place := _read_place(before):
        active_at, pk = place
        rows = rows.filter(Q(active_at__lt=active_at) | Q(active_at=active_at, pk__lt=pk))
    found = list(
        rows.only("public_id", "title", "active_at", "pinned_at", "expires_at", "owner_id", "revision")[
            : PAGE + 1
        ]
    )
    more = len(found) > PAGE
    found = found[:PAGE]
    today = timezone.localtime(now or timezone.now(), user.zone).date()
    return Page(_grouped(found, user, today), _write_place(found[-1]) if more else None, query)


def matching(rows: ConversationQuerySet, query: str) -> ConversationQuerySet:
    """Keep the conversations whose title or messages hold every word of `query`. Any text is a word."""
    for word in query.replace("\0", " ").split()[:_WORDS]:
        said = Part.objects.filter(
            message__conversation=OuterRef("pk"),
            message__deleted_at=None,
            kind__in=_SEARCHED,
            text__icontains=word,
        )
        rows = rows.filter(Q(title__icontains=word) | Exists(said))
    return rows


def hits(user: User, *, query: str, page: int = 1) -> tuple[list[Hit], bool]:
    """Return one page of what was found, newest first, and whether there is more. Two queries."""
    rows = matching(Conversation.objects.visible_to(user).for_sidebar(), query)
    start = (page - 1) * PAGE
    found = list(rows[start : start + PAGE + 1])
    first_word = query.replace("\0", " ").split()[:1]
    parts = Part.objects.filter(
        message__conversation__in=found,
        message__deleted_at=None,
        kind__in=_SEARCHED,
        text__icontains=first_word[0] if first_word else "",
    )
    # The first one of each conversation alone: a history of long texts is not for one page.
    first = parts.values("message__conversation").annotate(first=Min("id")).values("first")
    shown = Part.objects.filter(pk__in=first).select_related("message").defer("html")
    said = {part.message.conversation_id: part for part in shown}
    return [_hit(row, said.get(row.pk), first_word) for row in found[:PAGE]], len(found) > PAGE


def _hit(conversation: Conversation, part: Part | None, words: list[str]) -> Hit:
    if part is None:
        return Hit(conversation, None, conversation.active_at, "")
    at = part.text.casefold().find(words[0].casefold()) if words else 0
    text = part.text[max(0, at - 80) : at + 200]
    return Hit(conversation, str(part.message.public_id), part.message.created_at, plain.plain_text(text))


def _grouped(
    conversations: list[Conversation], user: User, today: date
) -> list[tuple[str, list[Conversation]]]:
    groups: dict[str, list[Conversation]] = {}
    for conversation in conversations:
        day = timezone.localtime(conversation.active_at, user.zone).date()
        label = "Pinned" if conversation.pinned_at else _label(day, today)
        groups.setdefault(label, []).append(conversation)
    if pinned := groups.pop("Pinned", None):
        groups = {"Pinned": pinned, **groups}
    return list(groups.items())


def _label(day: date, today: date) -> str:
    age = (today - day).days
    if age <= 0:
        return "Today"
    if age == 1:
        return "Yesterday"
    if age <= 7:
        return "Previous 7 days"
    if age <= 30:
        return "Previous 30 days"
    return f"{day:%B}" if day.year == today.year else f"{day:%B %Y}"


def _write_place(conversation: Conversation) -> str:
    micros = (
        conversation.active_at - datetime(1970, 1, 1, tzinfo=conversation.active_at.tzinfo)
    ) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{micros}.{conversation.pk}".encode()).decode().rstrip("=")


def _read_place(text: str) -> tuple[datetime, int] | None:
    try:
        micros, _, pk = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(".")
        epoch = datetime(1970, 1, 1, tzinfo=timezone.get_fixed_timezone(0))
        return epoch + timedelta(microseconds=int(micros)), int(pk)
    except (ValueError, binascii.Error, OverflowError):
        return None
