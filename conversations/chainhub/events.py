"""What an answer is made of while it arrives, whatever the wire.

Order: Started, then deltas; Usage (if any came) and Finished are the last two. No Finished, no complete
answer: then the iteration has raised. After Restarted everything that came before it is to be set aside.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Started:
    """The first chunk came. Both may be empty; `model` may differ from the one that was asked for."""

    response_id: str
    model: str


@dataclass(frozen=True)
class TextDelta:
    text: str


@dataclass(frozen=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True)
class RefusalDelta:
    """The model's own words why it does not answer."""

    text: str


@dataclass(frozen=True)
class ToolCallDelta:
    """A piece of a tool call. `key` numbers the calls of one answer; pieces of two calls may alternate.

    `call_id` and `name` come once per key, with whichever piece had them, and are empty otherwise;
    `arguments` are to be concatenated.
    """

    key: int
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Opaque:
    """Something of the provider's own, to go back untouched as a `messages.OpaqueItem` of the same wire.

    It stands where it has to stand again, before the text and the calls that it led to. Nobody is shown it.
    `kind` is the provider's word ("reasoning"); `data` is JSON, as it came.
    """

    kind: str
    data: dict[str, object]


@dataclass(frozen=True)
class Restarted:
    """The gateway began again inside the same response: set aside what came before, tool calls included."""


@dataclass(frozen=True)
class Usage:
    """Tokens as the gateway counted them; None where it said nothing usable (None is not 0).

    `input_tokens` is the whole prompt: fresh + cached + written to the cache, whichever way the upstream
    counts. `thinking_tokens` are part of `output_tokens`. `raw` is what came, for the record.
    """

    input_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    thinking_tokens: int | None
    raw: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """The answer is complete. `reason`: stop, length, tool_calls, content_filter, or an upstream's own word.

    An answer with tool calls says tool_calls whatever came last, unless it was cut (length, content_filter).
    """

    reason: str


Event = (
    Started | TextDelta | ThinkingDelta | RefusalDelta | ToolCallDelta | Opaque | Restarted | Usage | Finished
)
