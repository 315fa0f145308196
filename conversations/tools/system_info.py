"""The machine that the chat runs on, as far as anybody in the team may know it.

Never paths, names of people or of the machine, addresses, or the environment.
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from conversations.tools.registry import Asked, Tool

_MEMORY = Path("/proc/meminfo")
_GIB_IN_KIB = 1024 * 1024


def describe(asked: Asked) -> dict[str, object]:
    """Return the family of the system, the kind of processor, Python's version, and memory in GiB."""
    total, available = _memory()
    return {
        "operating_system": platform.system() or "unknown",
        "machine": platform.machine() or "unknown",
        "processors": os.cpu_count(),
        "runtime": f"Python {platform.python_version()}",
        "memory_total_gib": total,
        "memory_available_gib": available,
    }


def _memory() -> tuple[float | None, float | None]:
    """Return the memory in all and what of it is free for use; None where the system does not say."""
    try:
        text = _MEMORY.read_text(encoding="ascii", errors="replace")
    except OSError:
        return _total_elsewhere(), None
    return _amount(text, "MemTotal"), _amount(text, "MemAvailable")


def _amount(text: str, name: str) -> float | None:
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    return round(int(found[1]) / _GIB_IN_KIB, 1) if found else None


def _total_elsewhere() -> float | None:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        # Windows has no sysconf; others may not know these names.
        return None
    return round(pages * size / 1024 / _GIB_IN_KIB, 1)


TOOL = Tool(
    name="system_info",
    description=(
        "Retrieve basic information about the current system, including operating system, Java version, "
        "memory usage, etc."
    ),
    parameters={"type": "object", "properties": {}},
    run=describe,
    is_repeatable=True,
)
