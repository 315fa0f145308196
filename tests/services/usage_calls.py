"""Calls as they end, and the same sums made the slow way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from conversations.models import USAGE_SUMS, Call, GatewayKey, Purpose, UsageSource, User
from conversations.services import usage

NANO = 1_000_000_000


def ended(
    *,
    person: User | None = None,
    key: GatewayKey | None = None,
    days_ago: int = 0,
    at: datetime | None = None,
    cost: int | None = 5 * NANO,
    currency: str = "credits",
    **fields: Any,
) -> Call:
    """Write a call that has ended, and count it."""
    started_at = at or timezone.now() - timedelta(days=days_ago)
    values: dict[str, Any] = {"purpose": Purpose.ANSWER, "model_name": "gpt-4o"} | fields
    call = Call.objects.create(
        person=person,
        person_name=person.username if person else "",
        key=key,
        key_name=key.name if key else "",
        cost=cost,
        currency=currency,
        started_at=started_at,
        ended_at=started_at,
        **values,
    )
    usage.count(call)
    return call


def summed(calls: Iterable[Call], by: Iterable[str]) -> dict[tuple, dict[str, int]]:
    """Add up calls one by one, by dimensions and currency."""
    sums: dict[tuple, dict[str, int]] = defaultdict(lambda: dict.fromkeys(USAGE_SUMS, 0))
    for call in calls:
        place = (*(of(call, dimension) for dimension in by), call.currency)
        found = sums[place]
        found["calls"] += 1
        found["failed"] += call.error_kind != ""
        found["unpriced"] += call.cost is None
        found["estimated"] += call.usage_source == UsageSource.ESTIMATE
        for name in USAGE_SUMS[4:]:
            found[name] += getattr(call, name) or 0
    return dict(sums)


def of(call: Call, dimension: str) -> Any:
    day: date = usage.day_of(call.started_at)
    return {
        "day": day,
        "month": day.replace(day=1),
        "person": call.person_id or 0,
        "group": call.group_name,
        "key": call.key_id or 0,
        "model": call.model_name,
    }[dimension]
