"""The record of every HTTP request to the gateway: written when it starts, completed once at its end."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from conversations.chainhub.errors import redact
from conversations.chainhub.events import Usage
from conversations.models import Call, GatewayKey, Generation, Model, Purpose, UsageSource, User
from conversations.models.generations import UNFINISHED
from conversations.services import keys, pricing, roles
from conversations.services import usage as usages

# More tokens than this in one call is a fault of whoever counted; no model comes near.
ABSURD_TOKENS = 1_000_000_000
# Raw usage is a few numbers. What is longer is not kept.
RAW_USAGE_LIMIT = 20_000
RAW_USAGE_DEPTH = 10
# No title, list or test takes longer. An answer may: its generation says whether it is still being made.
LEFT_BEHIND_AFTER = timedelta(hours=1)
_ENDED_AT_ONCE = 200
# What asks the gateway for no work of a model.
_FREE_PURPOSES = (Purpose.SYNC, Purpose.TEST)


def begin(
    *,
    purpose: Purpose,
    key: GatewayKey,
    generation: Generation | None = None,
    attempt: int = 1,
    person: User | None = None,
    model: Model | None = None,
    wire: str = "",
) -> Call:
    """Write down that a request starts. A server that is killed leaves this row without an end."""
    return Call.objects.create(
        purpose=purpose,
        generation=generation,
        attempt=attempt,
        key=key,
        key_name=key.name,
        person=person,
        person_name=person.get_username() if person else "",
        model=model,
        model_name=model.name if model else "",
        wire=wire,
        group_name=_first_group(person),
    )


def is_told(told: Usage | None) -> bool:
    """Say whether the gateway told believably how much went in and came out. Otherwise it is estimated."""
    return told is not None and None not in (_count(told.input_tokens), _count(told.output_tokens))


def end(
    call: Call,
    *,
    status: int | None = None,
    request_id: str = "",
    error_kind: str = "",
    first_token_ms: int | None = None,
    total_ms: int | None = None,
    usage: Usage | None = None,
    estimate: Usage | None = None,
    is_free: bool = False,
    model_answered: str = "",
) -> bool:
    """Complete `call`, with its cost, and count it. The first end counts: a later one changes nothing.

    Returns whether this was the first. What the gateway sent is kept without the key that went out, whichever
    field it came back in. Counts that are negative, absurd or no numbers stay in `raw_usage` and are counted
    nowhere; what `estimate` holds stands in for them and for what was not told, and marks the call as
    estimated. `is_free`: the gateway has refused it before any work, or was never reached, or was asked for a
    list: without a word about usage that costs 0.
    """
    secret = keys.secret_or_nothing(call.key)
    values: dict[str, Any] = {
        "status": status,
        "request_id": redact(request_id, secret)[:200],
        "error_kind": error_kind[:40],
        "first_token_ms": first_token_ms,
        "total_ms": total_ms,
        "model_answered": redact(model_answered, secret)[:200],
        "ended_at": timezone.now(),
    }
    if usage is not None:
        values |= _usage_fields(usage, secret)
    if estimate is not None:
        values |= _estimated(values, estimate)
    is_free = is_free and values.get("input_tokens") is None and values.get("output_tokens") is None
    values |= pricing.fields_for(call, call.key, values, is_free=is_free)
    # In one transaction: the sums of a day equal its rows at any moment.
    with transaction.atomic():
        # Conditional: two ends (the engine's, and its housekeeping's) must not overwrite each other.
        if not Call.objects.filter(pk=call.pk, ended_at=None).update(**values):
            return False
        for name, value in values.items():
            setattr(call, name, value)
        usages.count(call)
    return True


def end_what_was_left(now: datetime) -> int:
    """End the calls that a killed process left without an end, and count them; return how many.

    Those of an answer are ended with it (generation.finishing.recover). These are of titles, summaries and
    lists, which nobody takes up again: what they used is not known.
    """
    left = (
        Call.objects.filter(ended_at=None, started_at__lt=now - LEFT_BEHIND_AFTER)
        .exclude(purpose=Purpose.ANSWER, generation__state__in=UNFINISHED)
        .select_related("key")
        .order_by("started_at", "id")
    )
    return sum(
        end(call, error_kind="engine_gone", is_free=call.purpose in _FREE_PURPOSES)
        for call in left[:_ENDED_AT_ONCE]
    )


def _first_group(person: User | None) -> str:
    """Return the first team group of `person` by name: what sums by group count the call under."""
    if person is None:
        return ""
    return roles.team_groups().filter(user=person).values_list("name", flat=True).first() or ""


def _estimated(told: dict[str, Any], estimate: Usage) -> dict[str, Any]:
    """Return what `estimate` says where nothing (believable) was told of input or output."""
    values: dict[str, Any] = {}
    for name, counted in (("input_tokens", estimate.input_tokens), ("output_tokens", estimate.output_tokens)):
        if told.get(name) is None and counted is not None:
            values |= {name: counted, "usage_source": UsageSource.ESTIMATE}
    return values


def _usage_fields(usage: Usage, secret: str) -> dict[str, Any]:
    return {
        "input_tokens": _count(usage.input_tokens),
        "cached_tokens": _count(usage.cached_tokens),
        "cache_written_tokens": _count(usage.cache_write_tokens),
        "output_tokens": _count(usage.output_tokens),
        "thinking_tokens": _count(usage.thinking_tokens),
        "raw_usage": _storable(usage.raw, secret),
        "usage_source": UsageSource.GATEWAY,
    }


def _count(value: object) -> int | None:
    """Return a believable number of tokens, else None: None is not 0."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= ABSURD_TOKENS else None


def _storable(raw: object, secret: str) -> Any:
    """Return `raw` as JSON that every database takes (no NaN, no NUL), without `secret`."""
    clean = _clean(raw, secret, depth=0)
    size = len(json.dumps(clean))
    return clean if size <= RAW_USAGE_LIMIT else {"left_out": f"{size} characters"}


def _clean(value: object, secret: str, *, depth: int) -> Any:
    if depth > RAW_USAGE_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {
            _text(str(name), secret): _clean(entry, secret, depth=depth + 1) for name, entry in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(entry, secret, depth=depth + 1) for entry in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _text(str(value), secret)


def _text(text: str, secret: str) -> str:
    # Half surrogates and NUL: Python holds them, UTF-8 and Postgres don't.
    sound = text.encode(errors="replace").decode().replace("\0", "")
    return redact(sound, secret)
