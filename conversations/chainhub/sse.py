"""Bytes of a body -> server-sent events, and the bare JSON that the gateway mixes with them.

A body that is no event stream at all but one JSON object comes out as a single BareJson, so that one reader
serves `stream: true` answered by JSON, `stream: false` answered by a stream, and both as they should be.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conversations.chainhub.errors import UnreadableReply

# A picture as a data URI is one event; nothing honest is longer than the gateway's own limits for bodies.
DEFAULT_LIMIT = 64 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")
# Possessive, and the closing quote optional: a string that never ends is walked once, not once per quote.
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_DATA = b"data: "
_FIELDS = (b"data", b"event", b"id", b"retry")


@dataclass(frozen=True)
class ServerSentEvent:
    """`is_whole` is False for the last event of a body that ended before the event did."""

    data: str
    event: str = ""
    is_whole: bool = True


@dataclass(frozen=True)
class BareJson:
    """JSON outside any event: an error that came after the first comment, or a whole reply."""

    text: str
    is_whole: bool = True


Item = ServerSentEvent | BareJson


def decode(chunks: Iterable[bytes], *, limit: int = DEFAULT_LIMIT) -> Iterator[Item]:
    """Turn the body into items, each as soon as its last byte came.

    Raise UnreadableReply for HTML, for text that is no event stream, and for an event longer than `limit`.
    """
    return _Decoder(limit).decode(chunks)


class _Lines:
    """Bytes -> lines, whatever their ends, however they are cut.

    Not Response.iter_lines(): it makes a blank line of a CRLF that two chunks share, which would end an event
    early. Lines stay bytes: str.splitlines() also breaks at U+2028, and a character may be split over chunks.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._after_cr = False

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins a line."""
        return not self._pieces and not self._after_cr

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that end in `chunk`."""
        if not chunk:
            return
        # The "\r" that ended the last line may have been the first half of "\r\n".
        start = 1 if self._after_cr and chunk.startswith(b"\n") else 0
        for end in _LINE_END.finditer(chunk, start):
            self._pieces.append(chunk[start : end.start()])
            _refuse_beyond(self._limit, self._size + end.start() - start)
            line = b"".join(self._pieces)
            self._pieces, self._size, start = [], 0, end.end()
            yield line
        self._after_cr = chunk.endswith(b"\r")
        if start < len(chunk):
            self._pieces.append(chunk[start:])
            self._size += len(chunk) - start
            _refuse_beyond(self._limit, self._size)

    def rest(self) -> bytes:
        """Return what came after the last end of a line."""
        return b"".join(self._pieces)


class _Decoder:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.name = ""
        self.data: list[bytes] = []
        self.json: list[bytes] = []
        self.depth = 0
        self.size = 0
        self.is_first_line = True
        self.lines = _Lines(limit)

    def decode(self, chunks: Iterable[bytes]) -> Iterator[Item]:
        for chunk in chunks:
            if self._is_one_event(chunk):
                yield ServerSentEvent(chunk[len(_DATA) : -2].decode("utf-8", errors="replace"))
                continue
            for line in self.lines.feed(chunk):
                yield from self._line(line, is_whole=True)
        if rest := self.lines.rest():
            yield from self._line(rest, is_whole=False)
        if self.json:
            yield BareJson(_text(self.json), is_whole=False)
        # A server that closes without the last blank line has said all of it; one that was cut has not.
        yield from self._dispatch(is_whole=False)

    def _is_one_event(self, chunk: bytes) -> bool:
        """Whether the chunk is one event and nothing else, as nearly all are: then there is little to do."""
        return (
            chunk.startswith(_DATA)
            and chunk.endswith(b"\n\n")
            and chunk.find(b"\n") == len(chunk) - 2
            and b"\r" not in chunk
            and self.lines.is_between
            and not (self.is_first_line or self.data or self.json or self.name)
            and len(chunk) <= self.limit
        )

    def _line(self, line: bytes, *, is_whole: bool) -> Iterator[Item]:
        if self.is_first_line:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if self.json or line.lstrip().startswith(b"{"):
            yield from self._json_line(line)
        elif not line:
            yield from self._dispatch()
        else:
            self._field(line, is_whole)
        self.is_first_line = self.is_first_line and not line.strip()

    def _json_line(self, line: bytes) -> Iterator[Item]:
        """Collect lines until the braces balance: a gateway may print its JSON over several lines."""
        if not self.json:
            yield from self._dispatch()
        self._grow(line)
        self.json.append(line)
        bare = _JSON_STRING.sub(b"", line)
        self.depth += bare.count(b"{") - bare.count(b"}")
        if self.depth <= 0:
            text = _text(self.json)
            self.json, self.depth, self.size = [], 0, 0
            yield BareJson(text)

    def _field(self, line: bytes, is_whole: bool) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._grow(value)
            self.data.append(value)
        elif name == b"event":
            self.name = value.decode("utf-8", errors="replace")
        elif self.is_first_line and line.lstrip().startswith(b"<"):
            raise UnreadableReply("an HTML page came instead of an answer")
        elif self.is_first_line and is_whole and name and name not in _FIELDS:
            raise UnreadableReply("neither JSON nor an event stream")

    def _dispatch(self, *, is_whole: bool = True) -> Iterator[Item]:
        if any(self.data):
            yield ServerSentEvent(_text(self.data), self.name, is_whole)
        self.name, self.data, self.size = "", [], 0

    def _grow(self, line: bytes) -> None:
        self.size += len(line) + 1
        _refuse_beyond(self.limit, self.size)


def _text(lines: list[bytes]) -> str:
    return b"\n".join(lines).decode("utf-8", errors="replace")


def _refuse_beyond(limit: int, size: int) -> None:
    if size > limit:
        raise UnreadableReply("the answer holds a line longer than we take")
