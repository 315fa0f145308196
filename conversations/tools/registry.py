"""What a tool is, and which there are.

A tool is a view for a model: it asks services, in the rights of one person.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from conversations.models import Conversation, User

# What every gateway format takes as the name of a function.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Asked:
    """One request to a tool. `arguments` fit the tool's schema; numbers with a point are Decimals in them.

    `deadline` is on the clock of time.monotonic(). A tool that works in steps looks at `is_given_up`
    between them: nothing else can end it.
    """

    person: User
    conversation: Conversation
    arguments: dict[str, Any]
    now: datetime
    deadline: float
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self.stopped.is_set() or not self.seconds_left


# eq=False: one object per tool; a schema can't be hashed.
@dataclass(frozen=True, eq=False)
class Tool:
    """One tool. `name`, `description` and `parameters` (a JSON schema) are sent to models as they are.

    `run` returns what JSON can hold (Decimals, dates and UUIDs become text), or raises Refused with a
    sentence that the model may read.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    run: Callable[[Asked], object]
    # How long a turn waits for it.
    seconds: float = 10.0
    # How many characters of its result a model is given.
    result_limit: int = 20_000
    # Safe to run again where a killed server left no result.
    is_repeatable: bool = False
    needs_approval: bool = False
    # Its result may carry text of conversations: from then on the turn knows something private.
    reads_private: bool = False
    # It could carry data away from the house.
    sends_out: bool = False


_tools: dict[str, Tool] = {}


def register(tool: Tool) -> Tool:
    """Add `tool` after the present ones. Raises ValueError for a name or a schema that a wire would lose."""
    if not _NAME.fullmatch(tool.name):
        raise ValueError(f"{tool.name!r} is no name for a tool")
    if tool.name in _tools:
        raise ValueError(f"There are two tools named {tool.name}")
    # Behind the chat format, Claude does not see a tool whose schema lacks one of the two.
    if tool.parameters.get("type") != "object" or not isinstance(tool.parameters.get("properties"), dict):
        raise ValueError(f"The parameters of {tool.name} must be an object with properties")
    _tools[tool.name] = tool
    return tool


def all() -> list[Tool]:
    """Return every tool, in the order in which requests name them."""
    return list(_tools.values())


def get(name: str) -> Tool | None:
    return _tools.get(name)


def definition(tool: Tool) -> dict[str, Any]:
    """Return what a model is told of the tool."""
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def definition_hash(tool: Tool) -> str:
    """Return what an approval is bound to: it changes with the name, the description or the schema."""
    canonical = json.dumps(
        definition(tool), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
