"""What a request is made of, whatever the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Image:
    """A picture by address: https://… or data:image/png;base64,… (what a gateway need not fetch)."""

    url: str
    detail: str | None = None


@dataclass(frozen=True)
class Thinking:
    """What the model thought. Wires send it back only where the format wants it."""

    text: str


@dataclass(frozen=True)
class ToolCall:
    """A call as the model made it; `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class ToolResult:
    """The answer to one call; a failed tool answers with its error text."""

    call_id: str
    name: str
    content: str


@dataclass(frozen=True)
class OpaqueItem:
    """What a provider wants back untouched: an `events.Opaque`, and the name of the wire that it came over.

    Other wires leave it out, and so does its own where the model does not think.
    """

    wire: str
    data: Mapping[str, object]


Part = Text | Image | Thinking | ToolCall | ToolResult | OpaqueItem


@dataclass(frozen=True)
class Message:
    """`role` is system, developer, user, assistant or tool.

    Results may stand in a message of their own (role tool) or among the parts of the assistant's message,
    after the calls that they answer.
    """

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Tool:
    """`parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ChatRequest:
    """One question to a model.

    `parameters` go to the wire's top level (temperature, max_tokens, …), under the names of the chat format,
    which other wires translate; None means: leave it out. `tool_choice`: none, auto, required, or the name of
    a tool. `thinks`: whether the model reasons, None to guess it from its name. `without_opaque` leaves the
    OpaqueItems out, for the one more try after an error of the kind `reasoning_refused`.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = True
    parameters: Mapping[str, object] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    thinks: bool | None = None
    without_opaque: bool = False
