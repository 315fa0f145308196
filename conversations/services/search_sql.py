"""The question to the index, in the words of each database: ids of entries, newest first.

SQLite is told where to begin: of its own it starts a plain join at the wrong side, which takes seconds. Who
may read little of what there is asks in those few conversations, not for their needles in all the hay.
"""

# ruff: noqa: S608 - the statements are constants, their values parameters

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models.expressions import RawSQL

from conversations.models.conversations import ConversationQuerySet
from conversations.services import indexing, search_tables
from conversations.services.words import Term

# Up to so many conversations are named one by one in the question.
FEW = 500


@dataclass(frozen=True)
class Wish:
    """What an entry has to be. Each of `wanted` and one of each of `groups`, none of `unwanted`.

    `readable`: the conversations to stay in, whatever else. `since`, `until`: of the message's time.
    """

    readable: ConversationQuerySet
    wanted: tuple[Term, ...]
    groups: tuple[tuple[str, ...], ...] = ()
    unwanted: tuple[Term, ...] = ()
    # The ids of `readable`, where these are few.
    few: tuple[int, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


def message_ids(wish: Wish, limit: int) -> list[int]:
    """Return the newest messages that are meant, at most `limit`."""
    return [row[0] for row in _run("m.id", wish, limit)]


def conversation_ids(wish: Wish, limit: int) -> set[int]:
    """Return the conversations of the newest messages that are meant, of at most `limit` of these."""
    return {row[0] for row in _run("m.conversation_id", wish, limit)}


def titled_ids(wish: Wish, limit: int) -> list[int]:
    """Return the newest conversations whose titles are meant, at most `limit`."""
    conditions, parameters = _conditions(wish, "c.id", "c.created_at")
    if connection.vendor == "sqlite":
        sql = (
            f"SELECT c.id FROM {search_tables.FTS} f"
            " CROSS JOIN conversations_conversation c ON c.id = -f.rowid"
            f" WHERE {search_tables.FTS} MATCH %s AND f.rowid < 0 AND {conditions} ORDER BY f.rowid LIMIT %s"
        )
    else:
        sql = (
            "SELECT c.id FROM conversations_searchentry e JOIN conversations_conversation c ON c.id = -e.id"
            f" WHERE e.words @@ %s::tsquery AND e.id < 0 AND {conditions} ORDER BY e.id LIMIT %s"
        )
    return [row[0] for row in _rows(sql, [_match(wish), *parameters, limit])]


def ranks(wish: Wish, ids: Sequence[int]) -> dict[int, float]:
    """Return how much each of these messages is about what is wanted."""
    if connection.vendor == "sqlite":
        return _counted(wish, ids)
    # 1: a long text has more of everything.
    sql = "SELECT id, ts_rank_cd(words, %s::tsquery, 1) FROM conversations_searchentry WHERE id = ANY(%s)"
    return dict(_rows(sql, [" & ".join(map(_postgres_term, wish.wanted)), list(ids)]))


def _run(column: str, wish: Wish, limit: int) -> list[tuple[Any, ...]]:
    conditions, parameters = _conditions(wish, "m.conversation_id", "m.created_at")
    if connection.vendor == "sqlite":
        sql = (
            f"SELECT {column} FROM {search_tables.FTS} f CROSS JOIN conversations_message m ON m.id = f.rowid"
            f" WHERE {search_tables.FTS} MATCH %s AND f.rowid > 0 AND m.deleted_at IS NULL AND {conditions}"
            " ORDER BY f.rowid DESC LIMIT %s"
        )
    else:
        sql = (
            f"SELECT {column} FROM conversations_searchentry e JOIN conversations_message m ON m.id = e.id"
            f" WHERE e.words @@ %s::tsquery AND e.id > 0 AND m.deleted_at IS NULL AND {conditions}"
            " ORDER BY e.id DESC LIMIT %s"
        )
    return _rows(sql, [_match(wish), *parameters, limit])


def _conditions(wish: Wish, conversation: str, time: str) -> tuple[str, list[Any]]:
    # Asked row by row: as a list it would be made whole for each search.
    readable = wish.readable.order_by().filter(pk=RawSQL(conversation, ())).values("pk")  # noqa: S611 - a constant
    inner, parameters = readable.query.sql_with_params()
    conditions, values = [f"EXISTS ({inner})"], list(parameters)
    if wish.few is not None and connection.vendor == "postgresql":
        conditions.append("e.conversation_id = ANY(%s)")
        values.append(list(wish.few))
    for sign, moment in ((">=", wish.since), ("<", wish.until)):
        if moment is not None:
            conditions.append(f"{time} {sign} %s")
            values.append(connection.ops.adapt_datetimefield_value(moment))
    return " AND ".join(conditions), values


def _match(wish: Wish) -> str:
    return _fts_match(wish) if connection.vendor == "sqlite" else _postgres_match(wish)


def _fts_match(wish: Wish) -> str:
    # Tokens hold letters, digits and "#": nothing in quotes has a meaning to FTS5.
    wanted = [_fts_term(term) for term in wish.wanted]
    few = (tuple(map(indexing.in_conversation, wish.few)),) if wish.few else ()
    wanted += [f"({' OR '.join(map(_quoted, group))})" for group in (*wish.groups, *few)]
    text = " AND ".join(wanted)
    if wish.unwanted:
        text = f"({text}) NOT ({' OR '.join(map(_fts_term, wish.unwanted))})"
    return text


def _fts_term(term: Term) -> str:
    return _quoted(" ".join(term.tokens)) + ("*" if term.is_prefix else "")


def _quoted(text: str) -> str:
    return f'"{text}"'


def _postgres_match(wish: Wish) -> str:
    wanted = [_postgres_term(term) for term in wish.wanted]
    wanted += ["(" + " | ".join(f"'{token}'" for token in group) + ")" for group in wish.groups]
    wanted += [f"!({_postgres_term(term)})" for term in wish.unwanted]
    return " & ".join(wanted)


def _postgres_term(term: Term) -> str:
    text = " <-> ".join(f"'{token}'" for token in term.tokens) + (":*" if term.is_prefix else "")
    return f"({text})"


def _counted(wish: Wish, ids: Sequence[int]) -> dict[int, float]:
    """Rank by how often each term occurs, less for a long text. bm25() would read all hits, not these."""
    marks = ",".join(["%s"] * len(ids))
    sql = f"SELECT id, words FROM conversations_searchentry WHERE id IN ({marks})"
    looked_for = [f" {' '.join(term.tokens)}{'' if term.is_prefix else ' '}" for term in wish.wanted]
    ranked = {}
    for pk, text in _rows(sql, list(ids)):
        text = f" {text} "
        counts = [text.count(one) for one in looked_for]
        ranked[pk] = sum(count / (count + 0.5 + len(text) / 2_000) for count in counts)
    return ranked


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
