"""The record of every HTTP request to the gateway: written when it starts, completed once at its end."""

from __future__ import annotations

import json
import math
from typing import Any

from django.utils import timezone

from conversations.chainhub.errors import redact
from conversations.chainhub.events import Usage
from conversations.models import Call, GatewayKey, Generation, Model, Purpose, UsageSource, User
from conversations.services import keys

# More tokens than this in one call is a fault of whoever counted; no model comes near.
ABSURD_TOKENS = 1_000_000_000
# Raw usage is a few numbers. What is longer is not kept.
RAW_USAGE_LIMIT = 20_000
RAW_USAGE_DEPTH = 10


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
    )


def end(
    call: Call,
    *,
    status: int | None = None,
    request_id: str = "",
    error_kind: str = "",
    first_token_ms: int | None = None,
    total_ms: int | None = None,
    usage: Usage | None = None,
    model_answered: str = "",
) -> bool:
    """Complete `call`. The first end counts: whoever comes later changes nothing and gets False.

    What the gateway sent is kept without the key that went out, whichever field it came back in. Counts that
    are negative, absurd or no numbers stay in `raw_usage` and are counted nowhere.
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
    # Conditional: two ends (the engine's, and its housekeeping's) must not overwrite each other.
    if not Call.objects.filter(pk=call.pk, ended_at=None).update(**values):
        return False
    for name, value in values.items():
        setattr(call, name, value)
    return True


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
