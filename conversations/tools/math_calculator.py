"""Two numbers and what to do with them, exact to the last digit where an exact result exists.

Decimals of the digits that the model wrote, never floats. Every step is bounded: this is C code that
keeps the interpreter's lock, and nothing could stop it from outside.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal

from conversations.services.errors import Refused
from conversations.tools.registry import Asked, Tool

# Digits before the point of the largest result, zeros after the point of the smallest.
REACH = 1_000
# Digits of a result that has no end, or too many of them to be of use.
ROUNDED = 50
# Longer ones are written with an exponent.
PLAIN = 400

_TRAPS = [
    decimal.InvalidOperation,
    decimal.DivisionByZero,
    decimal.Overflow,
    decimal.Underflow,
    decimal.Subnormal,
]
# Two numbers of 400 digits, 632 places apart, are added and multiplied without rounding.
_EXACT = 2_500
# No number that comes here is further away, to the power of _EXACT.
_FAR = 2_000_000


def calculate(asked: Asked) -> dict[str, object]:
    """Return the result in plain digits; `rounded_to_digits` says where it is not exact."""
    name = asked.arguments["operation"].strip().casefold()
    operation = _OPERATIONS.get(name)
    if operation is None:
        raise Refused(f"`operation` must be one of {', '.join(_OPERATIONS)}.")
    a, b = Decimal(asked.arguments["a"]), Decimal(asked.arguments["b"])
    try:
        result, is_exact = operation(a, b)
    except (decimal.Underflow, decimal.Subnormal):
        raise Refused(f"The result is too small: closer to zero than 10 to the power of -{REACH}.") from None
    except decimal.Overflow:
        raise Refused(f"The result is too large: it has more than {REACH:,} digits.") from None
    said: dict[str, object] = {"result": written(result)}
    return said if is_exact else said | {"rounded_to_digits": ROUNDED}


def written(number: Decimal) -> str:
    """Return `number` in digits, without an exponent unless it would be very long."""
    if not number:
        return "0"
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain if len(plain) <= PLAIN else f"{number.normalize(_context(_EXACT)):E}"


def _context(digits: int) -> decimal.Context:
    # A context of its own: flags and precision of the thread's one are everybody's.
    return decimal.Context(
        prec=digits, rounding=decimal.ROUND_HALF_EVEN, Emin=-REACH, Emax=REACH - 1, traps=_TRAPS
    )


def _exactly(step: Callable[[decimal.Context], Decimal]) -> tuple[Decimal, bool]:
    """Return what `step` comes to, and whether that is exact; rounded where it is not, or endless to read."""
    context = _context(_EXACT)
    result = step(context)
    if not context.flags[decimal.Inexact] and len(result.as_tuple().digits) <= REACH:
        return result, True
    # Not the long one rounded again: rounding twice can end in another last digit.
    return step(_context(ROUNDED)), False


def _add(a: Decimal, b: Decimal) -> tuple[Decimal, bool]:
    return _exactly(lambda context: context.add(a, b))


def _subtract(a: Decimal, b: Decimal) -> tuple[Decimal, bool]:
    return _exactly(lambda context: context.subtract(a, b))


def _multiply(a: Decimal, b: Decimal) -> tuple[Decimal, bool]:
    return _exactly(lambda context: context.multiply(a, b))


def _divide(a: Decimal, b: Decimal) -> tuple[Decimal, bool]:
    if not b:
        raise Refused("Division by zero has no result.")
    return _exactly(lambda context: context.divide(a, b))


def _power(a: Decimal, b: Decimal) -> tuple[Decimal, bool]:
    if not a and b < 0:
        raise Refused("Zero to a negative power has no result: it would be a division by zero.")
    if not b:
        return Decimal(1), True
    if b != b.to_integral_value():
        return _fractional_power(a, b)
    # Exact only where the digits are few: the bound is on the work, not only on the result.
    if abs(b) * len(a.as_tuple().digits) > _EXACT:
        context = _context(ROUNDED)
        result = context.power(a, b)
        return result, not context.flags[decimal.Inexact]
    if b > 0:
        return _exactly(lambda context: context.power(a, b))
    # 1 / a^|b|, and not a^b: exact wherever the quotient ends. The divisor may be out of our reach.
    divisor = decimal.Context(prec=_EXACT, Emin=-_FAR, Emax=_FAR, traps=_TRAPS).power(a, -b)
    return _divide(Decimal(1), divisor)


def _fractional_power(a: Decimal, b: Decimal) -> tuple[Decimal, bool]:
    if a < 0:
        raise Refused("A negative number to a fractional power has no real result.")
    if b == Decimal("0.5"):
        return _exactly(lambda context: context.sqrt(a))
    context = _context(ROUNDED)
    result = context.power(a, b)
    return result, not context.flags[decimal.Inexact]


_OPERATIONS: dict[str, Callable[[Decimal, Decimal], tuple[Decimal, bool]]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
}

TOOL = Tool(
    name="math_calculator",
    description=(
        "Performs basic mathematical operations, supporting addition, subtraction, multiplication, "
        "division, and exponentiation."
    ),
    parameters={
        "type": "object",
        "properties": {
            "a": {"description": "The first number", "type": "number"},
            "b": {"description": "The second number", "type": "number"},
            "operation": {
                "description": "Operation type: add, subtract, multiply, divide, power",
                "type": "string",
            },
        },
        "required": ["operation", "a", "b"],
    },
    run=calculate,
    is_repeatable=True,
)
