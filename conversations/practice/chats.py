"""A request for an answer, read and found good."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conversations.practice.pictures import Picture


@dataclass(frozen=True)
class ToolCall:
    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Tool:
    name: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Message:
    role: str
    text: str
    pictures: tuple[Picture, ...] = ()
    # What else came with the text, in words: "a.pdf (application/pdf, 1,234 bytes)".
    files: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True)
class Chat:
    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    # "none", "auto", "required" or the name of a tool after a colon: ":get_weather".
    tool_choice: str = "auto"
    # The JSON schema that the answer must follow; an empty one asks for any object.
    json_schema: dict[str, Any] | None = None
    # How often this question came to this model, this time included.
    tries: int = 1
    # What the Responses format tells of the request with each answer; empty for the chat format.
    told: dict[str, Any] = field(default_factory=dict)
    # How many items of reasoning came back, and whether such items are to be told and to be sent along.
    reasoning_items: int = 0
    shows_thoughts: bool = True
    wants_reasoning: bool = False
    # Whether the request is one whose first and last events the gateway can not read (responses.md §7.1).
    loses_events: bool = False

    @property
    def system_text(self) -> str:
        return "\n".join(m.text for m in self.messages if m.role in ("system", "developer"))

    @property
    def question(self) -> Message:
        """The last message of a person."""
        return next((m for m in reversed(self.messages) if m.role == "user"), Message("user", ""))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls that follow the question."""
        found: list[ToolCall] = []
        for message in self.messages:
            found = [] if message.role == "user" else [*found, *message.tool_calls]
        return tuple(found)

    @property
    def results(self) -> tuple[Message, ...]:
        """The tool messages that follow the question; empty before the first round of tools."""
        found: list[Message] = []
        for message in reversed(self.messages):
            if message.role == "user":
                break
            if message.role == "tool":
                found.insert(0, message)
        return tuple(found)
