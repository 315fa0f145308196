"""How long a key is left alone after an error, for each reason: longer each time, until it answers again.

A cool-down is a row, so that every process sees it with its next look at the keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q, TextChoices
from django.utils import timezone

from conversations.chainhub import errors
from conversations.models import GatewayKey, KeyCooldown, KeySource, Model


class Reason(TextChoices):
    """Why a key is left alone. Values are the `kind` of the error that is typical of it."""

    LIMITED = "rate_limited", "The gateway asked for fewer requests"
    AWAY = "gateway_unavailable", "The gateway was not available"
    UNSERVED = "unknown_model", "The gateway does not serve the model"
    REFUSED = "key_rejected", "The gateway refused the key"
    USED_UP = "quota_exhausted", "The balance is used up"


@dataclass(frozen=True)
class Schedule:
    """Seconds for the first error, the second and so on; the last holds for all that follow."""

    seconds: tuple[int, ...]
    # A question that finds no other key waits for this one where it is back within so many seconds.
    patience: int

    @property
    def is_short(self) -> bool:
        return self.patience > 0


# README §4.2 of the gateway's description has the waits of a single client; these begin with them.
SCHEDULES = {
    Reason.LIMITED: Schedule((5, 20, 60, 180, 600), patience=60),
    Reason.AWAY: Schedule((2, 5, 15, 45, 120), patience=15),
    Reason.UNSERVED: Schedule((5, 60, 600, 3600), patience=5),
    Reason.REFUSED: Schedule((60, 300, 1800, 7200, 21600), patience=0),
    Reason.USED_UP: Schedule((60, 300, 1800, 7200, 21600), patience=0),
}
# What a model list that came tells nothing of: the balance, limits, and single models.
_NOT_TOLD_BY_A_LIST = (Reason.LIMITED, Reason.USED_UP, Reason.UNSERVED)


@dataclass(frozen=True)
class _Cause:
    reason: Reason
    # Only the model that was asked for is concerned.
    is_of_model: bool = False


def begin(
    key: GatewayKey,
    error: errors.ChainHubError,
    *,
    model: Model,
    asked_at: datetime,
    now: datetime | None = None,
) -> None:
    """Leave `key` alone after `error` of a call for `model` that began at `asked_at`.

    Calls that were under way when a cool-down began do not prolong it: two hundred failures in the same
    instant are one. The practice gateway has no cool-downs: its refusals are for show, one model each.
    """
    cause = _cause_of(error)
    if cause is None or key.source == KeySource.PRACTICE:
        return
    now = now or timezone.now()
    concerned = model if cause.is_of_model else None
    row = KeyCooldown.objects.filter(key=key, reason=cause.reason, model=concerned).first()
    if row is None:
        values = {"failures": 1, "began_at": now, "ends_at": now + _length(cause.reason, 1, error)}
        try:
            # unique(key, reason, model) decides among those that failed together: one row, one failure.
            KeyCooldown.objects.get_or_create(key=key, reason=cause.reason, model=concerned, defaults=values)
        except IntegrityError:
            # The key or the model was deleted while it was being asked.
            return
        return
    if row.ends_at > asked_at:
        return
    failures = 1 if _is_long_ago(row, now) else row.failures + 1
    # Conditional on what was read: whoever comes second changes nothing.
    KeyCooldown.objects.filter(pk=row.pk, failures=row.failures, began_at=row.began_at).update(
        failures=failures, began_at=now, ends_at=now + _length(cause.reason, failures, error)
    )


def end(key: GatewayKey, *, model: Model, asked_at: datetime) -> None:
    """Forget the cool-downs of `key` after an answer of `model` to a call that began at `asked_at`.

    What began later stays: an answer that was under way says nothing of what the gateway said since.
    """
    concerned = Q(model=None) | Q(model=model)
    KeyCooldown.objects.filter(concerned, key=key, began_at__lte=asked_at).delete()


def end_with_a_list(key: GatewayKey) -> None:
    """Forget what a model list disproves: that the key is refused, or its gateway away."""
    rows = KeyCooldown.objects.filter(key=key, model=None)
    rows.exclude(reason__in=_NOT_TOLD_BY_A_LIST).delete()


def forget(key: GatewayKey) -> None:
    """Have `key` asked again with the next call: its secret or address was changed, or an admin says so."""
    KeyCooldown.objects.filter(key=key).delete()


def _cause_of(error: errors.ChainHubError) -> _Cause | None:
    if error.may_be_billed or not error.another_key_may_help:
        return None
    match error:
        case errors.QuotaExhausted():
            return _Cause(Reason.USED_UP)
        case errors.KeyRejected():
            # 403 may mean that the key may not use this one model: its others must not suffer from that.
            return _Cause(Reason.REFUSED, is_of_model=error.status == 403)
        case errors.RateLimited():
            return _Cause(Reason.LIMITED)
        case errors.UnknownModel() | errors.WrongAddress():
            # The address of one wire may be missing where the other's is there.
            return _Cause(Reason.UNSERVED, is_of_model=True)
        case errors.GatewayUnavailable():
            # 503 is the gateway itself; 401 and 500 are what it met upstream, for this model.
            return _Cause(Reason.AWAY, is_of_model=error.status != 503)
        case _:
            return _Cause(Reason.AWAY)


def _length(reason: Reason, failures: int, error: errors.ChainHubError) -> timedelta:
    schedule = SCHEDULES[reason]
    seconds = float(schedule.seconds[min(failures, len(schedule.seconds)) - 1])
    if error.retry_after is not None:
        seconds = min(max(seconds, error.retry_after), schedule.seconds[-1])
    # The same setting shortens the waits of retries: a wait must not end before the cool-down.
    return timedelta(seconds=seconds * (settings.GATEWAY_RETRY_SCALE if schedule.is_short else 1))


def _is_long_ago(row: KeyCooldown, now: datetime) -> bool:
    """Say whether so much time has passed since the last cool-down that the next error is a first one."""
    longest = SCHEDULES[Reason(row.reason)].seconds[-1]
    return now - row.ends_at > timedelta(seconds=longest)
