"""A report on usage as its address asks for it, and the addresses of those beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from conversations.services.usage_sources import Only

# As long as prices and calls can reach; a day outside is a slip of the pen.
_EARLIEST, _LATEST = date(2000, 1, 1), date(2100, 12, 31)
CUSTOM = "custom"
PRESETS = {
    "today": "Today",
    "7days": "7 days",
    "30days": "30 days",
    "month": "This month",
    "last_month": "Last month",
    "12months": "12 months",
    CUSTOM: "Custom",
}
USUAL = "30days"


@dataclass(frozen=True)
class Asked:
    """A report as its address asks for it: always one that can be answered.

    `problems` says in sentences what of the address was not followed.
    """

    preset: str
    first: date
    last: date
    by: str
    # A second dimension, or none.
    then: str
    only: Only
    order: str = ""
    page: int = 1
    problems: tuple[str, ...] = ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.by, self.then) if self.then else (self.by,)

    def but(self, **changes: Any) -> Asked:
        """Return the same with `changes`, from its first page."""
        return replace(self, **({"page": 1} | changes))

    def without(self, dimension: str) -> Asked:
        return self.but(only=replace(self.only, **{dimension: None}))

    @property
    def query(self) -> str:
        """The part of an address that asks for this again."""
        values: dict[str, object] = {"range": self.preset}
        if self.preset == CUSTOM:
            values |= {"first": self.first.isoformat(), "last": self.last.isoformat()}
        values |= {"by": self.by}
        values |= {"then": self.then} if self.then else {}
        values |= self.only.chosen
        values |= {"order": self.order} if self.order else {}
        values |= {"page": self.page} if self.page > 1 else {}
        return urlencode(values)


def days_of(preset: str, first: date | None, last: date | None, today: date) -> tuple[date, date, str]:
    """Return the first and the last day of a preset, and what of the given days was not followed."""
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    starts = {
        "today": today,
        "7days": today - timedelta(days=6),
        "30days": today - timedelta(days=29),
        "month": month,
        "12months": date(today.year - (today.month < 12), today.month % 12 + 1, 1),
    }
    if preset in starts:
        return starts[preset], today, ""
    if preset == "last_month":
        return before.replace(day=1), before, ""
    first, last = first or min(starts["30days"], last or today), last or max(today, first or today)
    if not (_EARLIEST <= first <= _LATEST and _EARLIEST <= last <= _LATEST):
        return starts[USUAL], today, f"Choose days from {_EARLIEST.year} to {_LATEST.year}."
    if first > last:
        return last, first, "The first day came after the last: they were exchanged."
    return first, last, ""
