"""JSON from outside, read strictly: no NaN, no infinity, bounded depth, no text that no database can hold."""

import json
import math
import re
from decimal import Decimal
from typing import NoReturn

# Deeper than any reply or tool schema; far below what makes Python's own parser give up.
DEPTH_LIMIT = 100

# One escape at a time, so that the backslash of "\\ud800" is not taken for the start of an escape.
_ESCAPE = re.compile(
    r"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<broken>\\u(?:[dD][89a-fA-F][0-9a-fA-F]{2}|0000))"
    r"|\\."
)
_SUSPICIOUS = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


class NotJson(ValueError):
    """The text is not JSON, or more of it than we take."""


def loads(text: str | bytes, *, exact: bool = False) -> object:
    """Parse `text`; raise NotJson for whatever is not plain, finite, moderately nested JSON.

    `exact`: fractions are Decimal, digit for digit as they were written, and never floats. Half surrogate
    pairs and NUL become U+FFFD: Python strings hold them, UTF-8 and Postgres do not.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", errors="replace")
    if _SUSPICIOUS.search(text):
        text = _ESCAPE.sub(_mend, text)
    try:
        value: object = (_EXACT_DECODER if exact else _DECODER).decode(text)
    except RecursionError:
        raise NotJson("nested too deep") from None
    except ValueError as error:
        # Its text quotes no content, only positions.
        raise NotJson(str(error)[:200]) from None
    if text.count("{") + text.count("[") > DEPTH_LIMIT:
        _refuse_depth(value)
    return value


def load_object(text: str | bytes, *, exact: bool = False) -> dict[str, object]:
    """Parse `text`, which must be a JSON object; `exact` as for `loads`."""
    value = loads(text, exact=exact)
    if not isinstance(value, dict):
        raise NotJson("not a JSON object")
    return value


def _mend(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape.group("broken") else escape.group()


def _refuse_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotJson("a number beyond all bounds")
    return number


def _decimal(digits: str) -> Decimal:
    _finite(digits)
    return Decimal(digits)


# Made once: json.loads() would build one for each chunk of a stream.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_EXACT_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_decimal)


def _refuse_depth(value: object) -> None:
    level = [value]
    for _ in range(DEPTH_LIMIT):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    if any(isinstance(item, dict | list) for item in level):
        raise NotJson("nested too deep")
