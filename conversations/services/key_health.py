"""How each gateway key is doing, and why: a constant number of queries, however many keys are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median_low
from typing import Any

from django.db.models import Count, Q, Sum

from conversations.models import Call, GatewayKey, KeyCooldown, KeySource, Tariff, UsageDay
from conversations.services import cooldowns as rests
from conversations.services import key_settings, keys, usage

DAYS = 30
_MEDIAN_OF = 1_000


@dataclass(frozen=True)
class State:
    """What a key is doing. `look` is good, bad, off or busy; `when` goes with `why`: ("until", a moment)."""

    look: str
    word: str
    why: str = ""
    when: tuple[str, datetime] | None = None


@dataclass(frozen=True)
class Used:
    """What went through a key in some time. Tokens are input and output; `cost` is nano-units."""

    calls: int = 0
    failed: int = 0
    tokens: int = 0
    cost: int = 0
    unpriced: int = 0

    @property
    def error_percent(self) -> float | None:
        """How many calls of a hundred failed; None where there was none."""
        return 100 * self.failed / self.calls if self.calls else None


@dataclass(frozen=True)
class Health:
    """All that the panel shows of one key. Days and months are the site's, as everywhere in usage."""

    state: State
    currency: str
    today: Used
    month: Used
    last_24_hours: Used
    last_30_days: Used
    # Calls of each of the last 30 days, today last.
    per_day: tuple[int, ...]
    cooldowns: tuple[KeyCooldown, ...]


def of_keys(found: Iterable[GatewayKey], *, now: datetime) -> dict[int, Health]:
    """Return the health of each key by its number. Four queries."""
    listed = list(found)
    numbers = [key.pk for key in listed]
    currencies = dict(Tariff.objects.values_list("base_url", "currency"))
    cooling = _cooldowns(numbers, now)
    latest = _last_24_hours(numbers, now)
    days = _days(numbers, usage.day_of(now))
    return {
        key.pk: _health(
            key,
            currency=currencies.get(key.base_url, key_settings.CREDITS),
            cooldowns=cooling.get(key.pk, ()),
            last_24_hours=latest.get(key.pk, Used()),
            days=days.get(key.pk, []),
            now=now,
        )
        for key in listed
    }


def of_key(key: GatewayKey, *, now: datetime) -> Health:
    return of_keys([key], now=now)[key.pk]


def median_first_token_ms(key: GatewayKey) -> int | None:
    """Return the median time to the first token over the last thousand calls that had one. One query."""
    latest = Call.objects.filter(key=key, first_token_ms__isnull=False).order_by("-started_at", "-id")
    told = latest.values_list("first_token_ms", flat=True)[:_MEDIAN_OF]
    found = [value for value in told if value is not None]
    return median_low(found) if found else None


def trouble_with(key: GatewayKey) -> str:
    """Say what is wrong with `key`, or "" where nothing is known to be. No query."""
    if key.source != KeySource.PRACTICE and (key.is_enabled or key.ciphertext):
        try:
            keys.secret_of(key)
        except keys.KeyUnreadable as fault:
            return str(fault)
    return key.problem_text


def cooling_because(reason: str) -> str:
    """Say in words why a key is left alone for a while."""
    known = dict(rests.Reason.choices)
    return known.get(reason, f"The gateway failed ({reason.replace('_', ' ')})")


def _health(
    key: GatewayKey,
    *,
    currency: str,
    cooldowns: tuple[KeyCooldown, ...],
    last_24_hours: Used,
    days: list[dict[str, Any]],
    now: datetime,
) -> Health:
    today = usage.day_of(now)
    first = today - timedelta(days=DAYS - 1)
    spent_today = _sum(days, currency, since=today)
    spent_month = _sum(days, currency, since=today.replace(day=1))
    per_day = [0] * DAYS
    for row in days:
        if row["day"] >= first:
            per_day[(row["day"] - first).days] += row["calls"]
    return Health(
        state=_state(key, cooldowns, spent_today.cost, spent_month.cost, currency, now),
        currency=currency,
        today=spent_today,
        month=spent_month,
        last_24_hours=last_24_hours,
        last_30_days=_sum(days, currency, since=first),
        per_day=tuple(per_day),
        cooldowns=cooldowns,
    )


def _state(
    key: GatewayKey, cooldowns: tuple[KeyCooldown, ...], day: int, month: int, currency: str, now: datetime
) -> State:
    trouble = trouble_with(key)
    if not key.is_enabled:
        return State("off", "Disabled", trouble if key.problem_kind == keys.VARIABLE_GONE else "")
    if trouble and trouble != key.problem_text:
        # The secret itself can't be used: nothing else matters before that is mended.
        return State("bad", "Problem", trouble)
    if key.valid_from and key.valid_from > now:
        return State("off", "Not valid yet", "No call goes through it", ("before", key.valid_from))
    if key.valid_until and key.valid_until <= now:
        return State("off", "Not valid any more", "Its time ended", ("at", key.valid_until))
    for spent, cap, span in ((month, key.cap_per_month, "month"), (day, key.cap_per_day, "day")):
        if cap is not None and spent >= cap:
            amount = f"{key_settings.in_units(cap)} {currency}"
            return State("bad", "Cap reached", f"{amount} were to be spent in a {span}, and are.")
    cooling = [row for row in cooldowns if row.model_id is None]
    if cooling:
        longest = max(cooling, key=lambda row: row.ends_at)
        why = trouble or f"{cooling_because(longest.reason)}."
        return State("bad", "Cooling down", why, ("Left alone until", longest.ends_at))
    if trouble:
        return State("bad", "Problem", trouble)
    if key.synced_at is None:
        return State("busy", "Enabled", "its models are being read")
    return State("good", "In use" if key.source == KeySource.PRACTICE else "Enabled")


def _sum(days: list[dict[str, Any]], currency: str, *, since: date) -> Used:
    """Add up the days; the cost of those in `currency`, since two currencies are never added."""
    counted = [row for row in days if row["day"] >= since]
    return Used(
        calls=sum(row["calls"] for row in counted),
        failed=sum(row["failed"] for row in counted),
        tokens=sum(row["input"] + row["output"] for row in counted),
        cost=sum(row["cost"] for row in counted if row["currency"] == currency),
        unpriced=sum(row["unpriced"] for row in counted),
    )


def _days(numbers: list[int], today: date) -> dict[int, list[dict[str, Any]]]:
    since = min(today - timedelta(days=DAYS - 1), today.replace(day=1))
    rows = (
        UsageDay.objects.filter(key_pk__in=numbers, day__gte=since, day__lte=today)
        .values("key_pk", "day", "currency")
        .annotate(
            # Under other names: one like a column's would be read as the column by the next sum.
            all_calls=Sum("calls"),
            all_failed=Sum("failed"),
            input=Sum("input_tokens"),
            output=Sum("output_tokens"),
            all_cost=Sum("cost"),
            all_unpriced=Sum("unpriced"),
        )
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        told = {name.removeprefix("all_"): value for name, value in row.items()}
        found.setdefault(row["key_pk"], []).append(told)
    return found


def _last_24_hours(numbers: list[int], now: datetime) -> dict[int, Used]:
    latest = Call.objects.filter(key__in=numbers, started_at__gt=now - timedelta(hours=24))
    # Without an order: Call has none by itself, and a grouped query takes whatever it is given.
    rows = latest.values("key_id").annotate(count=Count("id"), failed=Count("id", filter=~Q(error_kind="")))
    return {row["key_id"]: Used(calls=row["count"], failed=row["failed"]) for row in rows}


def _cooldowns(numbers: list[int], now: datetime) -> dict[int, tuple[KeyCooldown, ...]]:
    found: dict[int, tuple[KeyCooldown, ...]] = {}
    running = KeyCooldown.objects.filter(key__in=numbers, ends_at__gt=now).select_related("model")
    for row in running.order_by("-ends_at", "-id"):
        found[row.key_id] = (*found.get(row.key_id, ()), row)
    return found
