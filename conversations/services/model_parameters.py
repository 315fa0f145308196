"""Default parameters of a model: a JSON object of names that are known to be safe, with plain values.

The names are those of the gateway's chat format (chat-completions.md, section 1); other wires translate them.
Nothing among them changes who is asked, what is asked, how the answer comes, or what it may do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from conversations.services.errors import Refused

_LIMIT = 20
_TEXT_LIMIT = 200


class Kind(StrEnum):
    """What a parameter's value is, as a sentence says it."""

    NUMBER = "a number"
    WHOLE = "a whole number"
    TEXT = "a text"
    SWITCH = "true or false"


KNOWN: dict[str, Kind] = {
    **dict.fromkeys(("temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty"), Kind.NUMBER),
    "repetition_penalty": Kind.NUMBER,
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "top_k", "seed", "top_logprobs"), Kind.WHOLE),
    "thinking_budget": Kind.WHOLE,
    **dict.fromkeys(("reasoning_effort", "reasoning_summary", "verbosity", "stop", "user"), Kind.TEXT),
    **dict.fromkeys(("prompt_cache_key", "safety_identifier"), Kind.TEXT),
    **dict.fromkeys(("store", "logprobs", "parallel_tool_calls"), Kind.SWITCH),
    **dict.fromkeys(("enable_thinking", "enable_search"), Kind.SWITCH),
}
# What the chat itself puts into each request, or what would tear it up.
_TAKEN = frozenset(
    {"model", "messages", "input", "instructions", "system", "prompt", "contents", "stream", "stream_options"}
    | {"tools", "tool_choice", "functions", "function_call", "n", "extra_body", "response_format"}
)


def clean(parsed: object) -> dict[str, Any]:
    """Return `parsed`, read from JSON, where every name is known and every value fits. Raises Refused."""
    if not isinstance(parsed, Mapping):
        raise Refused('Write a JSON object, for example {"top_p": 0.9}.')
    if len(parsed) > _LIMIT:
        raise Refused(f"At most {_LIMIT} parameters.")
    for name, value in parsed.items():
        _refuse_unknown(name)
        if value is not None and not _fits(KNOWN[name], value):
            raise Refused(f"“{name}” must be {KNOWN[name]}.")
    return dict(parsed)


def _refuse_unknown(name: str) -> None:
    if name in _TAKEN:
        raise Refused(f"“{name}” is set by the chat itself.")
    if name not in KNOWN:
        shown = name if len(name) <= 40 else f"{name[:40]}…"
        raise Refused(f"“{shown}” can't be set here. Known are: {', '.join(sorted(KNOWN))}.")


def _fits(kind: Kind, value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case Kind.NUMBER:
            return is_number and math.isfinite(value) and abs(value) < 1e9  # type: ignore[arg-type]
        case Kind.WHOLE:
            return is_number and isinstance(value, int) and abs(value) < 1_000_000_000
        case Kind.TEXT:
            return isinstance(value, str) and len(value) <= _TEXT_LIMIT
        case Kind.SWITCH:
            return isinstance(value, bool)
