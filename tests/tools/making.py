"""Tools and requests for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from conversations.models import Conversation, User
from conversations.tools import arguments, running
from conversations.tools.registry import Asked, Tool

NOW = datetime(2026, 3, 29, 12, 30, 15, 999_999, tzinfo=UTC)
NOTHING = {"type": "object", "properties": {}}
# For tools that need no row: neither is stored.
SOMEBODY = User(pk=7, username="somebody")
SOMEWHERE = Conversation(pk=8, owner=SOMEBODY)


def tool(run: Callable[[Asked], object], *, name: str = "made_up", **fields: Any) -> Tool:
    fields = {"description": "For a test", "parameters": NOTHING} | fields
    return Tool(name=name, run=run, **fields)


def asked(tool: Tool, text: str = "", *, person: User = SOMEBODY, **fields: Any) -> Asked:
    """What the tool gets when a model sends `text`."""
    given = arguments.read(text, tool.parameters)
    fields = {"conversation": SOMEWHERE, "now": NOW, "deadline": time.monotonic() + 10} | fields
    return Asked(person=person, arguments=given, **fields)


def run(tool: Tool, text: str = "{}", **fields: Any) -> running.Outcome:
    fields = {"person": SOMEBODY, "conversation": SOMEWHERE, "now": NOW} | fields
    return running.run(tool, text, **fields)


def until(check: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def tool_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("tool-")]
