"""How sums of usage are shown: the columns of every table and file, and the chart above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from conversations.rendering import charts
from conversations.services import tables, usage_reports
from conversations.services.usage_reports import Row, Total
from conversations.services.usage_sources import TIMES, Only

NANO = 9
# A bar for each day of a year still is a bar; beyond, months.
_MOST_DAYS = 366


@dataclass(frozen=True)
class Column:
    name: str
    title: str
    is_money: bool = False
    # What must not be overlooked where it is not 0.
    is_mark: bool = False


COLUMNS = (
    Column("cost", "Cost", is_money=True),
    Column("calls", "Calls"),
    Column("failed", "Failed", is_mark=True),
    Column("unpriced", "Unpriced", is_mark=True),
    Column("estimated", "Estimated", is_mark=True),
    Column("input_tokens", "Tokens in"),
    Column("cached_tokens", "of them cached"),
    Column("cache_written_tokens", "written to cache"),
    Column("output_tokens", "Tokens out"),
    Column("thinking_tokens", "of them thinking"),
)


@dataclass(frozen=True)
class Chart:
    """What one picture shows: the cost in one currency, or the number of calls where `currency` is None."""

    currency: str | None
    title: str
    # Says the range and the total: the table has the rest.
    text: str


def in_units(nano: float) -> str:
    """Write nano-units as a plain decimal, to the last one: 2500000000 is "2.5"."""
    text = f"{Decimal(nano).scaleb(-NANO):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def csv(dimensions: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the table as a file: days as 2026-02-01, money as plain decimals, the currency in its column."""
    header = [*(name.capitalize() for name in dimensions), "Currency", *(column.title for column in COLUMNS)]
    return tables.csv_of(header, (_cells(row) for row in rows))


def _cells(row: Row) -> list[object]:
    places = [
        place.value.isoformat() if isinstance(place.value, date) else place.label for place in row.places
    ]
    # A decimal as text, like every cell: as a float it would lose its last digits.
    numbers = [
        in_units(getattr(row.sums, column.name)) if column.is_money else getattr(row.sums, column.name)
        for column in COLUMNS
    ]
    return [*places, row.currency, *numbers]


def charts_of(totals: Sequence[Total], *, dimension: str, first: date, last: date) -> tuple[Chart, ...]:
    """Return the charts for a report: one for each currency, or of calls where nothing has cost anything."""
    shown = _dimension(dimension, first, last)
    which = f"by {shown}, from {first} to {last}"
    if shown not in TIMES:
        which = f"{which}; the {usage_reports.MOST_BARS} largest"
    costly = [total for total in totals if total.sums.cost]
    if not costly:
        calls = sum(total.sums.calls for total in totals)
        return (Chart(None, "Calls", f"Bar chart of calls {which}. Total: {calls} calls."),) if calls else ()
    return tuple(
        Chart(
            total.currency,
            f"Cost in {total.currency}",
            f"Bar chart of cost {which}. Total: {in_units(total.sums.cost)} {total.currency}.",
        )
        for total in costly
    )


def draw(
    *,
    dimension: str,
    first: date,
    last: date,
    only: Only,
    currency: str | None,
    is_dark: bool,
    is_narrow: bool,
) -> charts.Drawing:
    shown = _dimension(dimension, first, last)
    points = usage_reports.series(shown, first=first, last=last, only=only, currency=currency)
    return charts.bars(
        [(_tick(place.value, place.label, shown), amount) for place, amount in points],
        title=f"{'Calls' if currency is None else 'Cost'} by {shown}",
        in_words=_whole if currency is None else _units,
        is_dark=is_dark,
        is_narrow=is_narrow,
        is_lying=shown not in TIMES,
    )


def _dimension(dimension: str, first: date, last: date) -> str:
    return "month" if dimension == "day" and (last - first).days > _MOST_DAYS else dimension


def _tick(value: object, label: str, dimension: str) -> str:
    if isinstance(value, date):
        return f"{value.day} {value:%b}" if dimension == "day" else f"{value:%b %y}"
    return label


def _units(nano: float) -> str:
    return f"{nano / 10**NANO:,.6g}"


def _whole(number: float) -> str:
    return f"{number:,.6g}"
