"""What several wires need to put an answer together: calls from pieces, thinking out of text, counts."""

import json
from collections.abc import Iterator

from conversations.chainhub.events import TextDelta, ThinkingDelta, ToolCallDelta

_OPEN = "<think>"
_CLOSE = "</think>"

# Nobody's answer has more tokens than this; a number beyond it is a mistake of the counter.
_MOST_TOKENS = 10**9


class ToolCalls:
    """Numbers the calls of one answer, whose pieces name them by an index that cannot be trusted."""

    def __init__(self) -> None:
        self._keys: dict[int, int] = {}
        self._ids: dict[int, str] = {}
        self._named: set[int] = set()
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, index: int, *, call_id: str, name: str, arguments: str) -> ToolCallDelta:
        """Take one piece. An id other than the one known for `index` opens a new call.

        (Claude behind the chat format gives two calls the same index.)
        """
        key = self._keys.get(index)
        known_id = "" if key is None else self._ids.get(key, "")
        if key is None or (call_id and known_id and call_id != known_id):
            key = self._keys[index] = self._count
            self._count += 1
            known_id = ""
        # Some upstreams repeat id and name on each piece; whoever appends them must see them once.
        new_id = call_id if not known_id else ""
        if new_id:
            self._ids[key] = new_id
        new_name = name if key not in self._named else ""
        if new_name:
            self._named.add(key)
        return ToolCallDelta(key, new_id, new_name, arguments)


class ThinkLifter:
    """Moves a leading <think>…</think> out of the text, however its tags are cut into pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._step = self._before

    @property
    def is_through(self) -> bool:
        """Whether no tag can come any more: all further text is text."""
        return self._step == self._plain and not self._held

    def feed(self, text: str) -> Iterator[TextDelta | ThinkingDelta]:
        self._held += text
        yield from self._step()

    def flush(self) -> Iterator[TextDelta | ThinkingDelta]:
        """Let go of what was held back for a tag that never came."""
        held, self._held = self._held, ""
        if held:
            is_thinking = self._step in (self._opened, self._inside)
            yield ThinkingDelta(held) if is_thinking else TextDelta(held)

    def _before(self) -> Iterator[TextDelta | ThinkingDelta]:
        start = self._held.lstrip()
        if start.startswith(_OPEN):
            self._held = start.removeprefix(_OPEN)
            self._step = self._opened
            yield from self._step()
        elif not _OPEN.startswith(start):
            self._step = self._plain
            yield from self._step()

    def _opened(self) -> Iterator[TextDelta | ThinkingDelta]:
        self._held = self._held.lstrip()
        if self._held:
            self._step = self._inside
            yield from self._step()

    def _inside(self) -> Iterator[TextDelta | ThinkingDelta]:
        thought, tag, rest = self._held.partition(_CLOSE)
        if tag:
            self._held = rest
            self._step = self._closed
        else:
            # Keep back what may be the first half of the tag.
            keep = next((n for n in range(len(_CLOSE) - 1, 0, -1) if thought.endswith(_CLOSE[:n])), 0)
            self._held = thought[len(thought) - keep :]
            thought = thought[: len(thought) - keep]
        if thought:
            yield ThinkingDelta(thought)
        if tag:
            yield from self._step()

    def _closed(self) -> Iterator[TextDelta | ThinkingDelta]:
        self._held = self._held.lstrip()
        if self._held:
            self._step = self._plain
            yield from self._step()

    def _plain(self) -> Iterator[TextDelta | ThinkingDelta]:
        held, self._held = self._held, ""
        if held:
            yield TextDelta(held)


def tokens(value: object) -> int | None:
    """Return a usable count of tokens, or None for what is negative, absurd or no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= _MOST_TOKENS or value != int(value):
        return None
    return int(value)


def text_of(value: object) -> str:
    """Return the text of a field that should be a string; some upstreams send a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(text_of(part.get("text")) for part in value if isinstance(part, dict))
    return ""


def arguments_of(value: object) -> str:
    """Return the arguments of a call as JSON text; some upstreams send them decoded."""
    if isinstance(value, dict):
        return json.dumps(value)
    return value if isinstance(value, str) else ""
