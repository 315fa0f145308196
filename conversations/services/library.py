"""Prompts and assistants: each its owner's, who may share it with everybody or with groups of theirs.

Who may see one may use it and copy it; only the owner changes it. See also services.prompts and
services.assistants.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Lower
from django.utils import timezone

from conversations.models import Assistant, Prompt, User
from conversations.services import accepting, roles
from conversations.services.errors import Refused

PAGE = 24
PER_PERSON = 500
_WORDS = 8

Row = TypeVar("Row", Prompt, Assistant)


@dataclass(frozen=True)
class Listed(Generic[Row]):
    """One page of a list. `has_more`: another one follows."""

    rows: Sequence[Row]
    query: str
    number: int
    has_more: bool


# --- Looking -----------------------------------------------------------------------------------------


def matching(kind: type[Row], person: User, query: str) -> QuerySet[Row]:
    """Return what `person` may see whose name or description holds every word; their own first, by name."""
    rows: QuerySet[Any] = kind.objects.visible_to(person).select_related("owner")
    for word in query.replace("\0", " ").split()[:_WORDS]:
        rows = rows.filter(Q(name__icontains=word) | Q(description__icontains=word))
    is_foreign = Case(When(owner=person, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.order_by(is_foreign, Lower("name"), "id")


def page_of(kind: type[Row], person: User, *, query: str = "", number: int = 1) -> Listed[Row]:
    """Return one page of what `person` may see. Two queries."""
    start = (number - 1) * PAGE
    found = matching(kind, person, query).prefetch_related("groups")[start : start + PAGE + 1]
    rows = list(found)
    return Listed(rows[:PAGE], query, number, len(rows) > PAGE)


def deleted_of(kind: type[Row], person: User, public_id: UUID) -> Row | None:
    """Return what `person` has deleted and may bring back."""
    rows: QuerySet[Any] = kind.objects.filter(owner=person, public_id=public_id)
    found: Row | None = rows.exclude(deleted_at=None).first()
    return found


def groups_for(person: User, row: Prompt | Assistant | None = None) -> QuerySet[Group]:
    """Return whom `person` may share with: the groups that they are in, and those that `row` has already."""
    may = Q(user=person)
    if row is not None and row.pk:
        may |= Q(pk__in=row.groups.values("pk"))
    return roles.team_groups().filter(may).distinct()


# --- Changing ------------------------------------------------------------------------------------------


@transaction.atomic
def store(row: Row, *, groups: Collection[Group]) -> Row:
    """Keep a new or a changed row, shared with `groups`.

    Raises Refused for a name that its owner gave to another one, for a group that they may not share with,
    beyond PER_PERSON, and where the row was deleted meanwhile.
    """
    # One person's changes take turns: a name is free until it is stored.
    accepting.in_turn(row.owner)
    refuse_a_taken_name(row)
    if row.pk is None:
        _refuse_too_many(row)
    elif not type(row).objects.filter(pk=row.pk, deleted_at=None).exists():
        raise Refused("This was deleted meanwhile. Bring it back first.")
    if not {group.pk for group in groups} <= set(groups_for(row.owner, row).values_list("pk", flat=True)):
        raise Refused("You may share only with groups that you are in.")
    row.updated_at = timezone.now()
    row.save()
    row.groups.set(groups)
    return row


@transaction.atomic
def delete(row: Prompt | Assistant) -> None:
    """Put a row away; `restore` brings it back. Nobody sees it from now on."""
    type(row).objects.filter(pk=row.pk, deleted_at=None).update(deleted_at=timezone.now())


@transaction.atomic
def restore(row: Prompt | Assistant) -> None:
    """Bring a deleted row back. Raises Refused where its name was given to another one meanwhile."""
    accepting.in_turn(row.owner)
    refuse_a_taken_name(row)
    type(row).objects.filter(pk=row.pk).update(deleted_at=None)


def erase_deleted(before: datetime) -> int:
    """Erase what was deleted before `before`; return how many rows."""
    erased = 0
    for rows in (
        Prompt.objects.filter(deleted_at__lt=before),
        Assistant.objects.filter(deleted_at__lt=before),
    ):
        erased += rows.count()
        rows.delete()
    return erased


def refuse_a_taken_name(row: Prompt | Assistant) -> None:
    others = type(row).objects.filter(owner=row.owner, name=row.name, deleted_at=None)
    if others.exclude(pk=row.pk).exists():
        raise Refused(f"You have another {row._meta.verbose_name} named “{row.name}”. Choose another name.")


def free_name(row: Prompt | Assistant) -> str:
    """Return the name of `row`, with a number where its owner has one of that name."""
    limit = type(row)._meta.get_field("name").max_length or 60
    taken = set(type(row).objects.filter(owner=row.owner, deleted_at=None).values_list("name", flat=True))
    endings = ["", " (copy)", *(f" (copy {number})" for number in range(2, PER_PERSON + 2))]
    return next(name for ending in endings if (name := row.name[: limit - len(ending)] + ending) not in taken)


def _refuse_too_many(row: Prompt | Assistant) -> None:
    if type(row).objects.filter(owner=row.owner, deleted_at=None).count() >= PER_PERSON:
        raise Refused(
            f"You have {PER_PERSON} {row._meta.verbose_name_plural}, the most there can be. Delete one first."
        )
