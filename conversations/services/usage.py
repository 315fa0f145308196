"""What was used and what it cost: counted with each call's end, asked before the next one.

A call is counted once, in the transaction of its end, on the day (of the site's TIME_ZONE) on which it
started: in UsageDay, and in each cut of UsageCut. Money is nano-units of its currency; two currencies are
never added up. services.usage_reports reads the sums for pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations.models import (
    USAGE_PLACE,
    USAGE_SUMS,
    Call,
    Cut,
    GatewayKey,
    Tariff,
    UsageCut,
    UsageDay,
    UsageSource,
)

# Where a tariff names no currency of its own.
CREDITS = "credits"
MONTHLY = frozenset({Cut.MONTHS_PEOPLE, Cut.MONTHS_MODELS, Cut.MONTHS_KEYS})
# What the rows of each cut tell apart, beside the day or month and the currency.
TELLS: Mapping[Cut, frozenset[str]] = {
    Cut.DAYS: frozenset(),
    Cut.DAYS_PEOPLE: frozenset({"person", "group"}),
    Cut.DAYS_MODELS: frozenset({"key", "model"}),
    Cut.MONTHS_PEOPLE: frozenset({"person", "group", "key"}),
    Cut.MONTHS_MODELS: frozenset({"person", "group", "model"}),
    Cut.MONTHS_KEYS: frozenset({"key", "model"}),
}
# The columns that say who or what, and what stands in them where a cut does not tell.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "person": {"person_pk": 0, "person_name": ""},
    "group": {"group_name": ""},
    "key": {"key_pk": 0, "key_name": ""},
    "model": {"model_name": ""},
}
# As they are called now: whoever was renamed is found under the new name.
_NAMES = ("person_name", "key_name")


@dataclass(frozen=True)
class Spent:
    """What a key's calls cost, in nano-units of the currency at its base URL."""

    day: int
    month: int


def day_of(moment: datetime) -> date:
    """Return the day that `moment` belongs to in every sum: the site's, not the reader's."""
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def today() -> date:
    """Return the day that calls of now are counted on."""
    return day_of(timezone.now())


def count(call: Call) -> None:
    """Add `call`, which has just ended, to its sums. Two statements; once for each call, in its transaction.

    One without a cost counts as unpriced, whether or not it failed: what failed may have been billed, and
    what can't have been has a cost, of 0.
    """
    row = row_of(call)
    _add(UsageDay._meta.db_table, USAGE_PLACE, [row])
    # Always in the same order: two engines that add to the same rows wait for each other and never both.
    cuts = [{"cut": str(cut), **cut_down(row, cut)} for cut in Cut]
    _add(UsageCut._meta.db_table, ("cut", *USAGE_PLACE), cuts)


def row_of(call: Call) -> dict[str, Any]:
    """Return what `call` adds to the sums, by column."""
    return {
        "day": day_of(call.started_at),
        "currency": call.currency,
        "person_pk": call.person_id or 0,
        "person_name": call.person_name,
        "group_name": call.group_name,
        "key_pk": call.key_id or 0,
        "key_name": call.key_name,
        "model_name": call.model_name,
        "calls": 1,
        "failed": int(bool(call.error_kind)),
        "unpriced": int(call.cost is None),
        "estimated": int(call.usage_source == UsageSource.ESTIMATE),
        "input_tokens": call.input_tokens or 0,
        "cached_tokens": call.cached_tokens or 0,
        "cache_written_tokens": call.cache_written_tokens or 0,
        "output_tokens": call.output_tokens or 0,
        "thinking_tokens": call.thinking_tokens or 0,
        "cost": call.cost or 0,
    }


def cut_down(row: Mapping[str, Any], cut: Cut) -> dict[str, Any]:
    """Return `row` without what `cut` does not tell apart."""
    left_out = {
        field: nothing
        for told, fields in FIELDS.items()
        if told not in TELLS[cut]
        for field, nothing in fields.items()
    }
    day = row["day"]
    if cut in MONTHLY and isinstance(day, date):
        day = day.replace(day=1)
    return {**row, **left_out, "day": day}


def spent(key: GatewayKey, *, now: datetime) -> Spent:
    """Return what `key` cost on the day and in the month of `now`. One query.

    What was counted in another currency than its base URL has now is not in it.
    """
    day = day_of(now)
    this_day = Q(cut=Cut.DAYS_MODELS, day=day)
    this_month = Q(cut=Cut.MONTHS_KEYS, day=day.replace(day=1))
    tariff = Tariff.objects.filter(base_url=OuterRef("base_url")).values("currency")
    keys = GatewayKey.objects.filter(pk=key.pk)
    currency = keys.values(named=Coalesce(Subquery(tariff[:1]), Value(CREDITS)))
    sums = UsageCut.objects.filter(
        this_day | this_month, key_pk=key.pk, currency=Subquery(currency[:1])
    ).aggregate(
        # Not under the name of a column: the second filter would take it for that column.
        today=Coalesce(Sum("cost", filter=this_day), 0),
        so_far=Coalesce(Sum("cost", filter=this_month), 0),
    )
    return Spent(day=sums["today"], month=sums["so_far"])


def _add(table: str, place: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add `rows` to what stands at their places.

    One statement, which SQLite and Postgres both speak: bulk_create can replace on a conflict, not add, and
    reading first would lose what another engine adds between.
    """
    columns = list(rows[0])
    values = ", ".join(["(" + ", ".join(["%s"] * len(columns)) + ")"] * len(rows))
    added = [f"{name} = {table}.{name} + excluded.{name}" for name in USAGE_SUMS]
    # A cut that leaves people out has no name for them either: "" replaces "".
    renamed = [f"{name} = excluded.{name}" for name in _NAMES]
    statement = (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} "  # noqa: S608 (names of ours, no values)
        f"ON CONFLICT ({', '.join(place)}) DO UPDATE SET {', '.join(added + renamed)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for row in rows for value in row.values()])
