"""Which key a call takes: of those that may serve a person and a model, the best that can be asked now."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from django.db.models import Q
from django.utils import timezone

from conversations.models import Alert, GatewayKey, KeyCooldown, KeyModel, Model, User
from conversations.services import usage
from conversations.services.cooldowns import SCHEDULES, Reason
from conversations.services.errors import Refused

_chance = random.SystemRandom()
# A key, or a row of one with more columns.
Key = TypeVar("Key", bound=Any)


class NoKeyLeft(Refused):
    """No key can be asked. The text is for members; `detail` names the keys, for admins."""

    kind = "no_key"

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.detail = detail


@dataclass(frozen=True)
class Choice:
    """The key to ask, or after how many seconds to look again, and why."""

    key: GatewayKey | None
    wait: float = 0.0
    reason: Reason | None = None
    # How many enabled keys serve the model, whether or not they can be asked now.
    keys: int = 1
    # Whether a cool-down of the key's is still noted, and an alert that no key was left: a success ends both.
    has_rested: bool = False
    is_alerted: bool = False


@dataclass(frozen=True)
class _Obstacle:
    """Why a key can't be asked now. `until` is known for cool-downs."""

    key: GatewayKey
    why: str
    until: datetime | None = None
    reason: Reason | None = None
    is_cap: bool = False


def choose(
    model: Model,
    *,
    person: User | None,
    without: Collection[int] = (),
    after: Collection[int] = (),
    now: datetime | None = None,
    chance: random.Random = _chance,
) -> Choice:
    """Return the key that a call of `person` to `model` takes now.

    It is enabled and valid, serves the model, serves everybody or one of the person's groups, has spent less
    than its caps, and is not cooling down. The smallest priority comes first; among equals weight decides,
    by `chance`. `without`: ids of keys that must not be asked (any more); `after`: of keys that were asked a
    moment ago, and only count for the wait.

    Caps are in the currency of the key's base URL. A call without a price counts nothing: where no prices
    are known, a cap stops nobody.

    A cool-down is there to prefer other keys: the only key that serves the person is asked all the same, and
    the gateway's own word is what they read. Where all of several are cooling down and one of them is back
    soon, the choice is a wait. Raises NoKeyLeft where there is nothing to wait for. One query; one more where
    a key had a cool-down of late, and one for each capped key that is looked at.
    """
    now = now or timezone.now()
    rows = _serving(model, person)
    for_person = [row for row in rows if row.is_for_person]
    of_person = [row for row in for_person if row.pk not in without]
    resting = _resting(of_person, model, now) if len(for_person) > 1 else {}
    obstacles = [found for row in of_person if (found := _obstacle(row, resting.get(row.pk), now))]
    blocked = {obstacle.key.pk for obstacle in obstacles}
    ready = [row for row in of_person if row.pk not in blocked]
    for row in in_order([row for row in ready if row.pk not in after], chance):
        if over := _cap_reached(row, now):
            obstacles.append(_Obstacle(row, over, is_cap=True))
            continue
        return Choice(row, keys=len(rows), has_rested=bool(row.has_rested), is_alerted=bool(row.is_alerted))
    if any(row.pk in after and not _cap_reached(row, now) for row in ready):
        return Choice(None)
    if wait := _soonest(obstacles, now):
        return wait
    raise _nothing_left(rows, obstacles, now)


def in_order(keys: Iterable[Key], chance: random.Random) -> list[Key]:
    """Return `keys` by priority, those of the same priority drawn one after the other by their weights."""
    # The greatest of random() ** (1 / weight) is drawn in proportion to weight (Efraimidis and Spirakis).
    drawn = [(key.priority, -(chance.random() ** (1 / max(1, key.weight))), key.pk, key) for key in keys]
    return [key for *_, key in sorted(drawn, key=lambda entry: entry[:3])]


def alert_topic(model: Model) -> str:
    return f"no_key:{model.name}"


def _serving(model: Model, person: User | None) -> list[Any]:
    """Return all enabled keys that serve `model`, with what decides about them, in one query."""
    statement, usable = _statement()
    values = (person.pk if person else None, model.pk, alert_topic(model), model.pk, *usable)
    return list(GatewayKey.objects.raw(statement, values))


# Written out: this is asked for every answer, and the ORM takes three times as long to put it together as the
# database to answer it.
@lru_cache(maxsize=1)
def _statement() -> tuple[str, tuple[Any, ...]]:
    usable, params = GatewayKey.objects.usable().values("pk").query.sql_with_params()
    groups = GatewayKey.groups.through._meta.db_table
    members = User.groups.through._meta.db_table
    statement = f"""
        SELECT k.*,
            NOT EXISTS (SELECT 1 FROM {groups} g WHERE g.gatewaykey_id = k.id)
            OR EXISTS (
                SELECT 1 FROM {groups} g JOIN {members} m ON m.group_id = g.group_id
                WHERE g.gatewaykey_id = k.id AND m.user_id = %s
            ) AS is_for_person,
            EXISTS (
                SELECT 1 FROM {KeyCooldown._meta.db_table} c
                WHERE c.key_id = k.id AND (c.model_id IS NULL OR c.model_id = %s)
            ) AS has_rested,
            EXISTS (
                SELECT 1 FROM {Alert._meta.db_table} a WHERE a.topic = %s AND a.closed_at IS NULL
            ) AS is_alerted
        FROM {GatewayKey._meta.db_table} k JOIN {KeyModel._meta.db_table} s ON s.key_id = k.id
        WHERE s.model_id = %s AND k.id IN ({usable})
        ORDER BY k.priority, k.id
    """  # noqa: S608 - names of ours, no values
    return statement, params


def _resting(rows: list[Any], model: Model, now: datetime) -> dict[int, KeyCooldown]:
    """Return for each key the cool-down that ends last. No query where no key had one of late."""
    rested = [row.pk for row in rows if row.has_rested]
    if not rested:
        return {}
    concerned = Q(model=None) | Q(model=model)
    running = KeyCooldown.objects.filter(concerned, key__in=rested, ends_at__gt=now)
    return {cooldown.key_id: cooldown for cooldown in running.order_by("ends_at", "id")}


def _obstacle(row: Any, cooldown: KeyCooldown | None, now: datetime) -> _Obstacle | None:
    if row.valid_from and row.valid_from > now:
        return _Obstacle(row, "is not valid yet")
    if row.valid_until and row.valid_until <= now:
        return _Obstacle(row, "is not valid any more")
    if cooldown:
        reason = Reason(cooldown.reason)
        rest = in_words((cooldown.ends_at - now).total_seconds())
        why = f"is left alone for {rest} ({reason.label[:1].lower()}{reason.label[1:]})"
        return _Obstacle(row, why, cooldown.ends_at, reason)
    return None


def _cap_reached(key: GatewayKey, now: datetime) -> str:
    """Say which cap `key` has reached, or ""."""
    if key.cap_per_day is None and key.cap_per_month is None:
        return ""
    spent = usage.spent(key, now=now)
    if key.cap_per_day is not None and spent.day >= key.cap_per_day:
        return "has spent its cap of the day"
    if key.cap_per_month is not None and spent.month >= key.cap_per_month:
        return "has spent its cap of the month"
    return ""


def _soonest(obstacles: Iterable[_Obstacle], now: datetime) -> Choice | None:
    """Return the wait for the cool-down that ends first, of those that are worth a wait."""
    waits = [
        Choice(None, wait=seconds, reason=found.reason)
        for found in obstacles
        if found.until and found.reason
        if (seconds := (found.until - now).total_seconds()) <= SCHEDULES[found.reason].patience
    ]
    return min(waits, key=lambda choice: choice.wait, default=None)


def _nothing_left(rows: list[Any], obstacles: list[_Obstacle], now: datetime) -> NoKeyLeft:
    """Say to a member what is to be done, the most hopeful thing first; to admins what stops each key."""
    detail = ", ".join(f"“{found.key.name}” {found.why}" for found in obstacles)
    if not rows:
        return NoKeyLeft("No key serves this model. Ask an admin.", detail="no key serves it")
    if not any(row.is_for_person for row in rows):
        return NoKeyLeft(
            "No key serves this model for you. Ask an admin.",
            detail="its keys serve none of the person's groups",
        )
    for reason, sentence in _SHORT_REASONS:
        ends = [found.until for found in obstacles if found.until and found.reason == reason]
        if ends:
            when = in_words((min(ends) - now).total_seconds())
            return NoKeyLeft(f"{sentence} Try again in {when}.", detail=detail)
    if any(found.reason in (Reason.REFUSED, Reason.USED_UP) for found in obstacles):
        sentence = "The gateway refuses the keys for this model, or their balance is used up. Ask an admin."
    elif any(found.is_cap for found in obstacles):
        sentence = "What may be spent on this model is used up for now. Ask an admin."
    else:
        sentence = "No key for this model can be used just now. Ask an admin."
    return NoKeyLeft(sentence, detail=detail)


_SHORT_REASONS = (
    (Reason.LIMITED, "The gateway is limiting requests just now."),
    (Reason.AWAY, "The gateway is not available just now."),
    (Reason.UNSERVED, "The gateway does not serve this model for our keys just now."),
)


def in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{round(seconds / 3600)} hours"
