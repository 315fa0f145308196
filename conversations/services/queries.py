"""What a person types into a search box, understood. Any text is understood; nothing raises.

    words          all of them must be in the message
    "some words"   side by side
    begin*         a word that begins so
    -word          not in the message; also before a phrase
    person:ada     of whom one may read; also model:gpt, before:2026-03, after:2026-03-14, has:tool

Whatever looks like a filter and is none is words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from django.db import models

from conversations.services import words
from conversations.services.words import Term

LONGEST = 1_000
_MOST_TERMS = 16
_MOST_TOKENS = 40

_WISH = re.compile(
    r'(?P<no>-)?(?:(?P<name>person|model|before|after|has):)?(?:"(?P<phrase>[^"]*)(?P<closed>"?)|(?P<word>\S+))',
    re.IGNORECASE,
)
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")


class Has(models.TextChoices):
    ATTACHMENT = "attachment", "An attachment"
    TOOL = "tool", "A tool call"
    ERROR = "error", "An error"


@dataclass(frozen=True)
class Query:
    """What is looked for. `wanted` and `unwanted` are Terms, `spelled` the wanted text, for marking."""

    text: str = ""
    wanted: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()
    spelled: tuple[Term, ...] = ()
    person: str = ""
    model: str = ""
    # Days in the person's time zone: before the one, from the other on.
    before: date | None = None
    after: date | None = None
    has: frozenset[str] = field(default=frozenset())

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing: what is only left out finds nothing."""
        return not (self.wanted or self.person or self.model or self.before or self.after or self.has)

    @property
    def is_filtered(self) -> bool:
        return bool(self.person or self.model or self.before or self.after or self.has)


def parse(text: str, *, is_typing: bool = False) -> Query:
    """Understand `text`; with `is_typing` its last word may go on."""
    text = text.replace("\0", " ")[:LONGEST].strip("\r\n")
    query = Query(text=text.strip())
    wishes = list(_WISH.finditer(text))
    for wish in wishes[:_MOST_TERMS]:
        is_last = wish is wishes[-1] and not text[-1:].isspace()
        filtered = _filtered(query, wish) if wish["name"] and not wish["no"] else None
        query = filtered or _with_words(query, wish, is_open=is_typing and is_last)
    return query


def limited(
    query: Query, *, person: str = "", model: str = "", before: str = "", after: str = "", has: str = ""
) -> Query:
    """Return the query with what a form's fields say besides; what they say wrongly is left out."""
    if person.strip():
        query = replace(query, person=person.strip()[:150])
    if model.strip():
        query = replace(query, model=model.strip()[:200])
    query = replace(query, before=_day(before) or query.before, after=_day(after) or query.after)
    return replace(query, has=query.has | {has}) if has in Has.values else query


def _filtered(query: Query, wish: re.Match[str]) -> Query | None:
    """Return the query with one filter more, or None where it is none."""
    value = (wish["phrase"] or wish["word"] or "").strip()
    match wish["name"].lower():
        case "person" if value:
            return replace(query, person=value[:150])
        case "model" if words.tokens(value):
            return replace(query, model=value[:200])
        case "before" if day := _day(value):
            return replace(query, before=day)
        case "after" if day := _day(value):
            return replace(query, after=day)
        case "has" if value.lower() in Has.values:
            return replace(query, has=query.has | {value.lower()})
    return None


def _with_words(query: Query, wish: re.Match[str], *, is_open: bool) -> Query:
    if wish["phrase"] is not None and not wish["name"]:
        text, is_prefix = wish["phrase"], False
        is_open = is_open and not wish["closed"]
    else:
        text = wish[0][1:] if wish["no"] else wish[0]
        is_prefix = text.endswith("*")
    term = words.term_of(text[:200], is_prefix=is_prefix or is_open)
    if term is None:
        return query
    term = replace(term, tokens=term.tokens[:_MOST_TOKENS])
    if wish["no"]:
        return replace(query, unwanted=(*query.unwanted, term))
    spelled = Term(tuple(words.spelled(text[:200]))[:_MOST_TOKENS], term.is_prefix)
    return replace(query, wanted=(*query.wanted, term), spelled=(*query.spelled, spelled))


def _day(text: str) -> date | None:
    """Return the first day of a year, a month or a day, or None."""
    if not (found := _DATE.fullmatch(text.strip())):
        return None
    try:
        day = date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None
    # At the ends of the calendar a time zone leads out of it.
    return day if date.min + timedelta(days=2) < day < date.max - timedelta(days=2) else None
