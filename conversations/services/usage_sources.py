"""Which of the stored sums answer a question about usage: the coarsest that tell what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import TruncMonth

from conversations.models import Cut, UsageCut, UsageDay
from conversations.services import usage

DIMENSIONS = ("day", "month", "person", "group", "model", "key")
TIMES = ("day", "month")
# Days. A shorter range is quicker read as one piece than as months and their edges.
_SHORT_RANGE = 92
# Those with few rows first.
_BY_SIZE = (
    Cut.DAYS,
    Cut.MONTHS_KEYS,
    Cut.MONTHS_PEOPLE,
    Cut.DAYS_MODELS,
    Cut.DAYS_PEOPLE,
    Cut.MONTHS_MODELS,
)
COLUMNS = {
    "day": "day",
    "month": "month",
    "person": "person_pk",
    "group": "group_name",
    "key": "key_pk",
    "model": "model_name",
}


@dataclass(frozen=True)
class Only:
    """What a report is narrowed to. None narrows nothing; 0 and "" are nobody and none."""

    person: int | None = None
    group: str | None = None
    key: int | None = None
    model: str | None = None

    @property
    def chosen(self) -> dict[str, int | str]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}


def rows_for(by: Sequence[str], *, first: date, last: date, only: Only) -> QuerySet[Any]:
    """Return the rows of the smallest sums that tell what is asked: of months where it can be."""
    told = ({*by} - {*TIMES}) | {*only.chosen}
    filters = {COLUMNS[name]: value for name, value in only.chosen.items()}
    months = None if "day" in by else _whole_months(first, last)
    daily = _smallest(told, of_months=False)
    monthly = _smallest(told, of_months=True) if months else None
    rows: QuerySet[Any] = UsageCut.objects.filter(**filters)
    if months and monthly and months == (first, last):
        rows = _between(rows.filter(cut=monthly), *months)
        # The day is the month already; to truncate it costs SQLite a call of Python for each row.
        return rows.annotate(month=F("day")) if "month" in by else rows
    if months and monthly and daily and (last - first).days > _SHORT_RANGE:
        # Each part whole by itself: SQLite takes an index for each, and would read all of a cut otherwise.
        rows = rows.filter(
            Q(cut=monthly, day__gte=months[0], day__lte=months[1])
            | Q(cut=daily, day__gte=first, day__lt=months[0])
            | Q(cut=daily, day__gt=months[1], day__lte=last)
        )
    elif daily:
        rows = _between(rows.filter(cut=daily), first, last)
    else:
        rows = _between(UsageDay.objects.filter(**filters), first, last)
    return rows.annotate(month=TruncMonth("day")) if "month" in by else rows


def _between(rows: QuerySet[Any], first: date, last: date) -> QuerySet[Any]:
    return rows.filter(day__gte=first, day__lte=last)


def _smallest(told: set[str], *, of_months: bool) -> Cut | None:
    fitting = (cut for cut in _BY_SIZE if (cut in usage.MONTHLY) == of_months and told <= usage.TELLS[cut])
    return next(fitting, None)


def _whole_months(first: date, last: date) -> tuple[date, date] | None:
    """Return the first and the last day of the months that lie in the range, if one does.

    What is still to come of a month does not count: a range that ends today ends a month.
    """
    begin = first if first.day == 1 else next_month(first)
    is_to_its_end = last >= usage.today() or (last + timedelta(days=1)).day == 1
    end = last if is_to_its_end else last.replace(day=1) - timedelta(days=1)
    return (begin, end) if begin <= end else None


def next_month(day: date) -> date:
    # Four days after the 28th lie in the next month, whatever month it is.
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
