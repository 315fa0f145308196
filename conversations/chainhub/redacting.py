"""Blanking the key out of what came back, also where it came in pieces.

A gateway or a tool behind it may repeat the key that it was sent. One that comes whole in one event is found
there; one that a model says letter by letter is in no event. So the end of a text is held back for as long as
it may be the beginning of the key.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from conversations.chainhub.errors import REDACTED, redact
from conversations.chainhub.events import (
    Event,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)

Value = TypeVar("Value")
Words = TextDelta | ThinkingDelta | RefusalDelta

# "sk-chainhub-" begins every key, and may be talked about. What is longer, and half the key, gives it away.
_TELLING = 12


class Redactor:
    """Passes the events of one answer on, without `secret`. An empty one lets everything through."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        # The kind of text that came last, and its end; the ends of the arguments of each tool call.
        self._words: Words | None = None
        self._arguments: dict[int, str] = {}

    def pass_on(self, event: Event) -> Iterator[Event]:
        """Yield what can be shown now that `event` has come."""
        if not self._secret:
            yield event
        elif isinstance(event, TextDelta | ThinkingDelta | RefusalDelta):
            yield from self._pass_words(event)
        elif isinstance(event, ToolCallDelta):
            yield from self._rest_of_words()
            held = self._arguments.pop(event.key, "")
            shown, self._arguments[event.key] = self._split(held + event.arguments)
            yield replace(event, arguments=shown)
        else:
            yield from self.rest()
            yield event

    def rest(self) -> Iterator[Event]:
        """Yield what is still held back: no more comes that could make a key of it."""
        yield from self._rest_of_words()
        for key, held in self._arguments.items():
            if held:
                yield ToolCallDelta(key, "", "", self._cut(held))
        self._arguments.clear()

    def _pass_words(self, event: Words) -> Iterator[Event]:
        if type(self._words) is not type(event):
            yield from self._rest_of_words()
        held = self._words.text if self._words else ""
        shown, rest = self._split(held + event.text)
        self._words = replace(event, text=rest) if rest else None
        if shown:
            yield replace(event, text=shown)

    def _rest_of_words(self) -> Iterator[Event]:
        if self._words is not None:
            yield replace(self._words, text=self._cut(self._words.text))
        self._words = None

    def _split(self, text: str) -> tuple[str, str]:
        """Return what can be shown of `text`, and its end that may be the beginning of the key."""
        text = redact(text, self._secret)
        held = beginning_at_the_end(text, self._secret)
        return text[: len(text) - held], text[len(text) - held :]

    def _cut(self, held: str) -> str:
        """Blank out a part of the key whose end never came."""
        return REDACTED if gives_away(len(held), self._secret) else held


def beginning_at_the_end(text: str, secret: str) -> int:
    """Return how many of the last characters of `text` are the first of `secret`. It is not whole there."""
    for length in range(min(len(secret) - 1, len(text)), 0, -1):
        if text.endswith(secret[:length]):
            return length
    return 0


def gives_away(length: int, secret: str) -> bool:
    """Say whether the first `length` characters of `secret` say too much of it."""
    return length > _TELLING and 2 * length >= len(secret) - 1


def redact_values(value: Value, secret: str) -> Value:
    """Return parsed JSON without `secret` in its texts and names. Depth is what strict_json lets through."""
    if isinstance(value, str):
        return redact(value, secret)  # type: ignore[return-value]
    if isinstance(value, list):
        return [redact_values(item, secret) for item in value]  # type: ignore[return-value]
    if isinstance(value, dict):
        return {redact(name, secret): redact_values(item, secret) for name, item in value.items()}  # type: ignore[return-value]
    return value
