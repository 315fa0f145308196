"""Results as models get them: JSON text of bounded length, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

REDACTED = "[redacted]"
ERROR_LIMIT = 1_000

_HALF_PAIR = re.compile("[\ud800-\udfff]")
# The frame around a cut result: its sentence, the names, a few digits.
_FRAME = 200


def as_text(value: object, *, limit: int, secrets: Collection[str] = ()) -> str:
    """Return `value` as JSON text of at most `limit` characters.

    Of a longer one: an object with its beginning, and how much was left out. Raises TypeError or
    ValueError for what JSON can't hold.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_in_words)
    text = redacted(_HALF_PAIR.sub("\ufffd", text), secrets)
    return text if len(text) <= limit else _cut(text, limit)


def error_text(sentence: str, secrets: Collection[str] = ()) -> str:
    """Return `sentence` fit to be stored and sent: short, without secrets."""
    sentence = redacted(_HALF_PAIR.sub("\ufffd", sentence).replace("\0", "\ufffd"), secrets)
    return sentence if len(sentence) <= ERROR_LIMIT else sentence[: ERROR_LIMIT - 1] + "…"


def redacted(text: str, secrets: Collection[str]) -> str:
    """Return `text` without any of `secrets`, plain or as JSON writes them."""
    # The longest first: one may be the beginning of another.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in (secret, json.dumps(secret, ensure_ascii=False)[1:-1]):
            text = text.replace(form, REDACTED)
    return text


def _cut(text: str, limit: int) -> str:
    room = max(0, limit - _FRAME)
    # Quoted once more, `"` and `\` take two characters: cut what is quoted, not between the two.
    quoted = json.dumps(text[:room], ensure_ascii=False)[1:-1][:room]
    if (len(quoted) - len(quoted.rstrip("\\"))) % 2:
        quoted = quoted[:-1]
    beginning: str = json.loads(f'"{quoted}"')
    left_out = len(text) - len(beginning)
    mark = f"The result was too long: {left_out:,} of its {len(text):,} characters were left out."
    return json.dumps({"cut": mark, "beginning": beginning}, ensure_ascii=False)


def _in_words(value: object) -> str:
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"JSON can't hold a {type(value).__name__}")
