"""The audit log as it is read: filtered, page by page, and as a table that leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from conversations.models import AuditEntry, User
from conversations.services import audit, tables

PAGE = 50
# What one file holds at most: the newest of what was asked for.
EXPORT_LIMIT = 100_000
_HEADER = ("Time (UTC)", "Who", "Action", "Kind", "Number", "Name", "Field", "Before", "After", "From where")


@dataclass(frozen=True)
class Wanted:
    """Which entries: empty is all. `since` is included, `until` is not."""

    action: str = ""
    person: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Change:
    """One field of an entry, in words; of a secret only that it changed."""

    field: str
    before: str
    after: str
    is_secret: bool = False


@dataclass(frozen=True)
class ShownEntry:
    """One entry as the page shows it."""

    pk: int
    at: datetime
    actor: str
    action: str
    kind: str
    subject_pk: str
    subject: str
    changes: tuple[Change, ...]
    address: str


@dataclass(frozen=True)
class ShownPage:
    """Some entries, the newest first; `next_before` is the id below which the next page begins, or None."""

    entries: tuple[ShownEntry, ...]
    next_before: int | None


def entries(wanted: Wanted) -> QuerySet[AuditEntry]:
    """Return the entries that `wanted` names, the newest first."""
    found = AuditEntry.objects.order_by("-id")
    if wanted.action:
        found = found.filter(action=wanted.action)
    if wanted.person:
        # By the number, so that a person is found under every name that they had.
        known = User.objects.filter(username__iexact=wanted.person).values_list("pk", flat=True)
        found = found.filter(Q(actor_pk__in=list(known)) | Q(actor_name__iexact=wanted.person))
    if wanted.words:
        words = Q(subject_name__icontains=wanted.words) | Q(subject_kind__iexact=wanted.words)
        found = found.filter(words | Q(subject_pk=wanted.words) | Q(address__startswith=wanted.words))
    if wanted.since:
        found = found.filter(at__gte=wanted.since)
    if wanted.until:
        found = found.filter(at__lt=wanted.until)
    return found


def page_of(wanted: Wanted, *, before: int | None = None) -> ShownPage:
    """Return one page, below the id `before` where it is given. It counts nothing: the log may be long."""
    found = entries(wanted)
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE + 1])
    shown = tuple(_shown(row) for row in rows[:PAGE])
    return ShownPage(shown, shown[-1].pk if len(rows) > PAGE else None)


def csv(wanted: Wanted) -> Iterator[bytes]:
    """Yield the entries as CSV, one line per changed field; EXPORT_LIMIT entries at most."""
    rows = entries(wanted)[:EXPORT_LIMIT].iterator(chunk_size=500)
    return tables.csv_of(_HEADER, (line for row in rows for line in _lines(_shown(row))))


def _lines(entry: ShownEntry) -> Iterator[list[Any]]:
    who = [f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.actor, entry.action, entry.kind, entry.subject_pk]
    for change in entry.changes or (Change("", "", ""),):
        yield [*who, entry.subject, change.field, change.before, change.after, entry.address]


def _shown(row: AuditEntry) -> ShownEntry:
    changes = row.changes if isinstance(row.changes, dict) else {}
    return ShownEntry(
        row.pk,
        row.at,
        row.actor_name,
        audit.words_of(row.action),
        row.subject_kind,
        row.subject_pk,
        row.subject_name,
        tuple(_change(field, value) for field, value in changes.items()),
        row.address,
    )


def _change(field: str, value: Any) -> Change:
    name = field.replace("_", " ")
    if value == audit.CHANGED:
        return Change(name, "", "", is_secret=True)
    if isinstance(value, list) and len(value) == 2:
        return Change(name, _word(value[0]), _word(value[1]))
    return Change(name, "", _word(value))


def _word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
