"""Random numbers, as fair as this machine can make them."""

from __future__ import annotations

from random import SystemRandom

from conversations.services.errors import Refused
from conversations.tools.registry import Asked, Tool

# Beyond it, JSON readers other than Python's lose digits.
BOUND = 2**53 - 1
MOST = 10

_random = SystemRandom()


def generate(asked: Asked) -> dict[str, object]:
    """Return `count` whole numbers from `min` to `max`, both included."""
    lowest: int = asked.arguments.get("min", 1)
    highest: int = asked.arguments.get("max", 100)
    count: int = asked.arguments.get("count", 1)
    if not 1 <= count <= MOST:
        raise Refused(f"`count` must be from 1 to {MOST}.")
    if abs(lowest) > BOUND or abs(highest) > BOUND:
        raise Refused(f"`min` and `max` must be from {-BOUND} to {BOUND}.")
    if lowest > highest:
        raise Refused(f"`min` ({lowest}) must not be greater than `max` ({highest}).")
    numbers = [_random.randint(lowest, highest) for _ in range(count)]
    return {"numbers": numbers, "min": lowest, "max": highest}


TOOL = Tool(
    name="random_generator",
    description="Generate random numbers within a specified range, supporting batch generation",
    parameters={
        "type": "object",
        "properties": {
            "min": {"description": "Minimum value (default 1)", "type": "integer"},
            "max": {"description": "Maximum value (default 100)", "type": "integer"},
            "count": {"description": "Number to generate (default 1, maximum 10)", "type": "integer"},
        },
    },
    run=generate,
    is_repeatable=True,
)
