"""Arguments as a model wrote them: read strictly, held against the tool's schema.

Refusals are sentences that a model can act on. They quote names of the schema, never what was sent.
"""

from __future__ import annotations

import decimal
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from conversations.services.errors import Refused

SIZE_LIMIT = 100_000
DEPTH_LIMIT = 32
# More digits than any number within a float's range needs; far fewer than make int() slow.
_DIGITS = 400
# The decimal exponent of the smallest float.
_SMALLEST = -324
_FAULTS = 5
# Python strings hold NUL and half surrogate pairs; UTF-8 and Postgres do not.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class UnfitArguments(Refused):
    """The arguments are not JSON, or do not fit the tool's schema."""


def read(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments in `text` as `schema` wants them. Raises UnfitArguments, and nothing else.

    Numbers with a point are Decimals of the very digits that were written. What the schema does not
    name stays, unchecked; an optional argument that is null counts as not given.
    """
    values = parse(text)
    faults: list[str] = []
    fitted = _fit(values, schema, "", faults)
    if faults:
        more = f"; and {len(faults) - _FAULTS} more" if len(faults) > _FAULTS else ""
        raise UnfitArguments("; ".join(faults[:_FAULTS]) + more + ".")
    assert isinstance(fitted, dict)  # noqa: S101 - an object went in
    return fitted


def parse(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`; no text is an empty one. Raises UnfitArguments."""
    if not text.strip():
        return {}
    if len(text) > SIZE_LIMIT:
        raise UnfitArguments(f"The arguments are too long: more than {SIZE_LIMIT:,} characters.")
    try:
        value: object = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_decimal, parse_int=_integer
        )
    except RecursionError:
        raise UnfitArguments("The arguments are nested too deep.") from None
    except json.JSONDecodeError as error:
        raise UnfitArguments(
            f"The arguments are not JSON ({error.msg}, character {error.pos + 1}). "
            "Send one JSON object that fits the tool's schema."
        ) from None
    if not isinstance(value, dict):
        raise UnfitArguments(f"The arguments must be a JSON object, not {_kind_of(value)}.")
    mended: dict[str, Any] = _mended(value, 0)
    return mended


def storable(value: Any) -> Any:
    """Return `value` as a JSON column can hold it: Decimals become floats. For showing, not for reckoning."""
    if isinstance(value, dict):
        return {key: storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


# --- Reading ---------------------------------------------------------------------------------------


def _refuse_constant(name: str) -> NoReturn:
    raise UnfitArguments(f"{name} is not JSON: send a number with digits.")


def _decimal(digits: str) -> Decimal:
    _refuse_length(digits)
    try:
        number = Decimal(digits)
    except decimal.InvalidOperation:
        # An exponent beyond those of Decimal itself.
        raise UnfitArguments("A number is beyond all bounds.") from None
    # What a float can't hold, not even nearly, no other reader of the stored arguments could.
    if number and not (math.isfinite(float(number)) and number.adjusted() >= _SMALLEST):
        raise UnfitArguments("A number is beyond all bounds.")
    return number or Decimal(0)


def _integer(digits: str) -> int:
    _refuse_length(digits)
    return int(digits)


def _refuse_length(digits: str) -> None:
    if len(digits) > _DIGITS:
        raise UnfitArguments(f"A number has more than {_DIGITS} digits.")


def _mended(value: Any, depth: int) -> Any:
    if depth > DEPTH_LIMIT:
        raise UnfitArguments("The arguments are nested too deep.")
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("\ufffd", key): _mended(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_mended(item, depth + 1) for item in value]
    return _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value


# --- Fitting: the part of JSON Schema that tools here use -------------------------------------------


def _is_integer(value: object) -> bool:
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


_KINDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("an integer", _is_integer),
    "number": ("a number", _is_number),
}


def _kind_of(value: object) -> str:
    return next((words for words, fits in _KINDS.values() if fits(value)), "null")


def _fit(value: Any, schema: dict[str, Any], where: str, faults: list[str]) -> Any:
    """Return `value` with its whole numbers as int; add to `faults` what does not fit at `where`."""
    kind = schema.get("type")
    name = f"`{where}`" if where else "The arguments"
    if isinstance(kind, str) and kind in _KINDS:
        words, fits = _KINDS[kind]
        if not fits(value):
            faults.append(f"{name} must be {words}, not {_kind_of(value)}")
            return value
        if kind == "integer":
            value = int(value)
    faults.extend(f"{name} {fault}" for fault in _limits(value, schema))
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        return _fit_properties(value, schema, where, faults)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_fit(item, schema["items"], f"{where}[{at}]", faults) for at, item in enumerate(value)]
    return value


def _fit_properties(
    value: dict[str, Any], schema: dict[str, Any], where: str, faults: list[str]
) -> dict[str, Any]:
    fitted = dict(value)
    required = schema.get("required", [])
    for name, inner in schema["properties"].items():
        path = f"{where}.{name}" if where else name
        if name not in value:
            if name in required:
                faults.append(f"`{path}` is missing")
        elif value[name] is None and name not in required:
            # What models send for "not given" where they were trained to name every property.
            del fitted[name]
        else:
            fitted[name] = _fit(value[name], inner, path, faults)
    return fitted


def _limits(value: Any, schema: dict[str, Any]) -> list[str]:
    faults = []
    if "enum" in schema and storable(value) not in schema["enum"]:
        choices = ", ".join(json.dumps(choice, ensure_ascii=False) for choice in schema["enum"])
        faults.append(f"must be one of {choices}")
    if _is_number(value):
        if "minimum" in schema and value < schema["minimum"]:
            faults.append(f"must be at least {schema['minimum']}")
        if "maximum" in schema and value > schema["maximum"]:
            faults.append(f"must be at most {schema['maximum']}")
    return faults
