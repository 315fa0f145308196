"""Search: messages and titles that a person may read, by what services.queries understood."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from conversations.models import Conversation, Message, User
from conversations.models.conversations import ConversationQuerySet
from conversations.services import indexing, search_sql, snippets, words
from conversations.services.queries import Query
from conversations.services.search_sql import Wish
from conversations.services.snippets import Run, Snippet
from conversations.services.words import Term

PAGE = 20
# More are not counted; the pages end there.
MOST = 500
_TITLES = 5
_RANKED = 2_000
_LISTED = 1_000
_FIRST_YEAR = 2000


@dataclass(frozen=True)
class Hit:
    """A message that was found; without `message` the title of a conversation."""

    conversation: Conversation
    title: tuple[Run, ...]
    at: datetime
    snippet: Snippet
    message: Message | None = None
    author: str = ""

    @property
    def url(self) -> str:
        """Where it is read, on its branch."""
        address = self.conversation.get_absolute_url()
        if self.message is None:
            return address
        return f"{address}?m={self.message.public_id}#message-{self.message.public_id}"


@dataclass(frozen=True)
class Found:
    """One page of hits, and on the first one also titles. `count`: of all pages; `is_more` beyond MOST."""

    hits: list[Hit]
    titles: list[Hit]
    count: int = 0
    is_more: bool = False
    has_next: bool = False


def search(user: User, query: Query, *, page: int = 1, size: int = PAGE, by_relevance: bool = False) -> Found:
    """Return what `user` may read of what is looked for, newest first.

    `by_relevance` puts the newest 2,000 in the order of how much they are about it.
    """
    wish = _wish(user, query)
    if wish is None:
        return Found([], [])
    ids = search_sql.message_ids(wish, _RANKED if by_relevance else MOST + 1)
    if by_relevance and wish.wanted:
        rank = search_sql.ranks(wish, ids)
        ids.sort(key=lambda pk: (-rank.get(pk, 0), -pk))
    is_more, ids = len(ids) > MOST, ids[:MOST]
    start = (page - 1) * size
    shown = ids[start : start + size]
    titles = _titles(wish, query, _TITLES) if page == 1 else []
    return Found(_hits(shown, query, user), titles, len(ids), is_more, start + size < len(ids))


def conversation_ids(user: User, query: Query) -> set[int]:
    """Return the conversations whose titles or newest hits are what is looked for."""
    wish = _wish(user, query)
    if wish is None:
        return set()
    titled = search_sql.titled_ids(wish, _LISTED) if _can_be_a_title(query) else []
    return search_sql.conversation_ids(wish, _LISTED) | set(titled)


def _wish(user: User, query: Query) -> Wish | None:
    """Return what to ask the index; None where nothing can be found."""
    if query.is_empty:
        return None
    readable = Conversation.objects.visible_to(user)
    if query.person:
        readable = readable.filter(owner__username__iexact=query.person)
    few = _few(readable)
    groups: list[tuple[str, ...]] = [(indexing.HAS[kind],) for kind in sorted(query.has)]
    since, until = _moment(query.after, user), _moment(query.before, user)
    if since or until:
        groups.append(tuple(_months(since, until)))
    if few == () or not all(groups):
        return None
    wanted = query.wanted
    if query.model:
        found = words.term_of(query.model, is_prefix=True)
        facts = tuple(indexing.of_model(query.model))
        wanted = (*wanted, Term(facts, bool(found and found.is_prefix)))
    if not wanted and not groups:
        groups.append((indexing.ANY,))
    return Wish(readable, wanted, tuple(groups), unwanted=query.unwanted, few=few, since=since, until=until)


def _few(readable: ConversationQuerySet) -> tuple[int, ...] | None:
    ids = tuple(readable.order_by().values_list("pk", flat=True)[: search_sql.FEW + 1])
    return ids if len(ids) <= search_sql.FEW else None


def _moment(day: date | None, user: User) -> datetime | None:
    return datetime.combine(day, time(), tzinfo=user.zone).astimezone(UTC) if day else None


def _months(since: datetime | None, until: datetime | None) -> Iterable[str]:
    """Return the facts of the months that a time may lie in: whole years where it can be."""
    first = since or datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    last = min(until or datetime.max.replace(tzinfo=UTC), timezone.now() + timedelta(days=366))
    for year in range(max(first.year, _FIRST_YEAR), last.year + 1):
        begin = first.month if year == first.year else 1
        end = last.month if year == last.year else 12
        months = range(begin, end + 1)
        if len(months) == 12:
            yield indexing.in_year(year)
        else:
            yield from (indexing.in_month(year, month) for month in months)


def _can_be_a_title(query: Query) -> bool:
    return not (query.model or query.has)


def _titles(wish: Wish, query: Query, limit: int) -> list[Hit]:
    if not _can_be_a_title(query) or not query.wanted:
        return []
    ids = search_sql.titled_ids(wish, limit)
    found = Conversation.objects.filter(pk__in=ids).order_by("-pk") if ids else []
    return [Hit(one, _title(one, query), one.active_at, Snippet()) for one in found]


def _hits(ids: list[int], query: Query, user: User) -> list[Hit]:
    if not ids:
        return []
    by_id = {message.pk: message for message in indexing.with_texts(ids)}
    return [_hit(by_id[pk], query, user) for pk in ids if pk in by_id]


def _hit(message: Message, query: Query, user: User) -> Hit:
    snippet = snippets.of(indexing.searched_texts(message), query.spelled)
    title = _title(message.conversation, query)
    return Hit(message.conversation, title, message.created_at, snippet, message, _author(message, user))


def _title(conversation: Conversation, query: Query) -> tuple[Run, ...]:
    return snippets.marked(str(conversation), query.spelled)


def _author(message: Message, user: User) -> str:
    if message.author is not None:
        return "You" if message.author_id == user.pk else message.author.shown_name
    generations = list(message.generations.all())
    return generations[-1].model_name if generations else "Answer"
