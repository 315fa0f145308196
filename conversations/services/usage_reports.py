"""Usage for pages: what was counted, by one or two dimensions, for a range of days.

Each report asks the coarsest sums that can answer it (services.usage_sources), so that a million calls cost
little more than a thousand. The number of queries is the same however many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Max, QuerySet, Sum

from conversations.models import USAGE_SUMS, Cut, GatewayKey, UsageCut, User
from conversations.services import usage_sources
from conversations.services.errors import Refused
from conversations.services.usage_sources import COLUMNS, TIMES, Only, next_month

PAGE_SIZE = 50
MOST_BARS = 10
# More would be no table that anybody reads, and a minute of work to write.
MOST_ROWS = 100_000


@dataclass(frozen=True)
class Sums:
    """Counts of calls and tokens, and nano-units of one currency. `input_tokens` includes the cached ones."""

    calls: int = 0
    failed: int = 0
    unpriced: int = 0
    estimated: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_written_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cost: int = 0


@dataclass(frozen=True)
class Place:
    """What a row is the sum of, in one dimension: a day, the number of a person or key, a name."""

    dimension: str
    value: date | int | str
    label: str


@dataclass(frozen=True)
class Row:
    places: tuple[Place, ...]
    currency: str
    sums: Sums


@dataclass(frozen=True)
class Total:
    """All of the report in one currency; totals of two currencies are never added up."""

    currency: str
    sums: Sums


@dataclass(frozen=True)
class Report:
    rows: tuple[Row, ...]
    totals: tuple[Total, ...]
    # The words for what the report is narrowed to, by dimension.
    only: Mapping[str, str]
    has_more: bool


def report(
    *,
    by: Sequence[str],
    first: date,
    last: date,
    only: Only | None = None,
    order: str = "",
    page: int = 1,
) -> Report:
    """Return one page of the sums from `first` to `last`, both included.

    `order` is a dimension of `by` or a name of Sums, with "-" before it for the largest first; anything else
    is the newest day, or the most costly, first. At most four queries, and two more where somebody or a key
    was removed.
    """
    only = only or Only()
    start = (page - 1) * PAGE_SIZE
    found = list(_grouped(by, first, last, only, order)[start : start + PAGE_SIZE + 1])
    names = _names(by, found[:PAGE_SIZE], only)
    return Report(
        rows=tuple(_row(values, by, names) for values in found[:PAGE_SIZE]),
        totals=totals(first=first, last=last, only=only),
        only={name: _label(name, value, names) for name, value in only.chosen.items()},
        has_more=len(found) > PAGE_SIZE,
    )


def totals(*, first: date, last: date, only: Only | None = None) -> tuple[Total, ...]:
    """Return what was used from `first` to `last`, one total for each currency. One query."""
    found = _grouped((), first, last, only or Only(), "")
    return tuple(Total(values["currency"], _sums(values)) for values in found)


def every_row(
    *, by: Sequence[str], first: date, last: date, only: Only | None = None, order: str = ""
) -> tuple[Row, ...]:
    """Return the rows of all pages of a report. Raises Refused where nobody could read that many."""
    only = only or Only()
    found = list(_grouped(by, first, last, only, order)[: MOST_ROWS + 1])
    if len(found) > MOST_ROWS:
        raise Refused(f"That would be more than {MOST_ROWS:,} rows. Choose fewer days, or one dimension.")
    names = _names(by, found, only)
    return tuple(_row(values, by, names) for values in found)


def series(
    dimension: str, *, first: date, last: date, only: Only | None = None, currency: str | None = None
) -> tuple[tuple[Place, int], ...]:
    """Return what a chart of `dimension` shows: cost in `currency`, or without one the number of calls.

    Of days and months every one, those without a call as 0; of all else the ten with the most.
    At most three queries.
    """
    only = only or Only()
    column = COLUMNS[dimension]
    rows = usage_sources.rows_for((dimension,), first=first, last=last, only=only)
    if currency is not None:
        rows = rows.filter(currency=currency)
    most = rows.values(column).annotate(most=Sum("calls" if currency is None else "cost"))
    if dimension in TIMES:
        counted = dict(most.values_list(column, "most"))
        times = _times(dimension, first, last)
        return tuple(
            (Place(dimension, day, _label(dimension, day, {})), int(counted.get(day, 0))) for day in times
        )
    found = list(most.order_by("-most", column)[:MOST_BARS])
    names = _names((dimension,), found, Only())
    return tuple(
        (Place(dimension, row[column], _label(dimension, row[column], names)), int(row["most"]))
        for row in found
    )


def _times(dimension: str, first: date, last: date) -> Iterator[date]:
    day = first if dimension == "day" else first.replace(day=1)
    while day <= last:
        yield day
        day = day + timedelta(days=1) if dimension == "day" else next_month(day)


# --- Grouped and sorted --------------------------------------------------------------------------------


def _grouped(by: Sequence[str], first: date, last: date, only: Only, order: str) -> QuerySet[Any, Any]:
    rows = usage_sources.rows_for(by, first=first, last=last, only=only)
    columns = [COLUMNS[dimension] for dimension in by]
    # An order of its own: the currency comes second in the index, right after the day.
    columns = [*columns[:1], "currency", *columns[1:]] if by and by[0] == "day" else ["currency", *columns]
    sums = {f"all_{name}": Sum(name) for name in USAGE_SUMS}
    grouped: QuerySet[Any, Any] = rows.values(*columns).annotate(**sums)
    return _ordered(grouped, by, columns, order)


def _ordered(
    grouped: QuerySet[Any, Any], by: Sequence[str], columns: Sequence[str], order: str
) -> QuerySet[Any, Any]:
    """Sort by `order`; all columns of the group come after it, so that pages never share a row."""
    name, sign = order.removeprefix("-"), "-" if order.startswith("-") else ""
    if name in by and name in ("person", "key"):
        # By what is read, not by the number behind it.
        named: QuerySet[Any, Any] = grouped.annotate(named=Max(f"{name}_name"))
        return named.order_by(f"{sign}named", *columns)
    if name in by:
        others = [column for column in columns if column != COLUMNS[name]]
        return grouped.order_by(f"{sign}{COLUMNS[name]}", *(f"{sign}{column}" for column in others))
    if name in USAGE_SUMS:
        return grouped.order_by(f"{sign}all_{name}", *columns)
    if by and by[0] in TIMES:
        return _ordered(grouped, by, columns, f"-{by[0]}")
    return grouped.order_by("-all_cost", "-all_calls", *columns)


# --- Words for numbers --------------------------------------------------------------------------------


def _row(values: Mapping[str, Any], by: Sequence[str], names: Mapping[str, Mapping[int, str]]) -> Row:
    places = (
        Place(dimension, values[COLUMNS[dimension]], _label(dimension, values[COLUMNS[dimension]], names))
        for dimension in by
    )
    return Row(tuple(places), values["currency"], _sums(values))


def _sums(values: Mapping[str, Any]) -> Sums:
    return Sums(**{name: int(values[f"all_{name}"] or 0) for name in USAGE_SUMS})


def _label(dimension: str, value: Any, names: Mapping[str, Mapping[int, str]]) -> str:
    if dimension in names:
        return names[dimension].get(value, "") or ("Nobody" if dimension == "person" else "No key")
    if dimension == "month":
        return f"{value:%B %Y}"
    if dimension == "day":
        return f"{value:%a} {value.day} {value:%B %Y}"
    return str(value) or ("No group" if dimension == "group" else "No model")


def _names(by: Sequence[str], rows: Iterable[Mapping[str, Any]], only: Only) -> dict[str, dict[int, str]]:
    """Return what the people and keys of a report are called now, or were called while they were there."""
    found: dict[str, dict[int, str]] = {}
    rows = list(rows)
    for dimension in ("person", "key"):
        if dimension in by or dimension in only.chosen:
            column = COLUMNS[dimension]
            numbers = {row[column] for row in rows} if dimension in by else set()
            numbers |= {only.chosen[dimension]} if dimension in only.chosen else set()
            found[dimension] = _called(dimension, numbers - {0})
    return found


def _called(dimension: str, numbers: set[Any]) -> dict[int, str]:
    there: QuerySet[Any, Any]
    if dimension == "person":
        there = User.objects.values_list("pk", "username")
    else:
        there = GatewayKey.objects.values_list("pk", "name")
    names = dict(there.filter(pk__in=numbers))
    gone = numbers - set(names)
    if gone:
        column, cut = COLUMNS[dimension], Cut.DAYS_PEOPLE if dimension == "person" else Cut.MONTHS_KEYS
        past = UsageCut.objects.filter(cut=cut, **{f"{column}__in": gone})
        # The name in the newest row would be another query for each.
        names |= dict(past.values_list(column).annotate(named=Max(f"{dimension}_name")))
    return names
