"""The time, where the person who asks is."""

from __future__ import annotations

from conversations.tools.registry import Asked, Tool


def tell(asked: Asked) -> dict[str, object]:
    """Return the present second in the person's time zone."""
    zone = asked.person.zone
    here = asked.now.astimezone(zone).replace(microsecond=0)
    return {
        "time": here.isoformat(),
        "time_zone": str(zone),
        "weekday": f"{here:%A}",
        "unix_seconds": int(here.timestamp()),
    }


TOOL = Tool(
    name="current_time",
    description="Get the current system time",
    parameters={"type": "object", "properties": {}},
    run=tell,
    is_repeatable=True,
)
