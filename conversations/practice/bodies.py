"""The body of an event stream, whatever its format: HTTP framing, and how a manner spoils it."""

from __future__ import annotations

from typing import Protocol

from conversations.practice.chats import Chat
from conversations.practice.peer import Peer
from conversations.practice.steps import Manner, Step
from conversations.practice.tallies import Tally


class Body:
    def __init__(self, *, peer: Peer, manner: Manner, head: bytes, chunked: bool, request_id: str) -> None:
        self._peer = peer
        self._manner = manner
        self._head = head
        self._chunked = chunked
        self._request_id = request_id
        self._sent = 0

    def begin(self) -> None:
        """Send the HTTP head, if nothing was sent so far."""
        if self._head:
            self._peer.send(self._take_head())

    def done(self) -> None:
        self._send(b"data: [DONE]\n\n", last=True)

    def close_body(self) -> None:
        """End the body as HTTP wants it, with nothing more inside."""
        self._peer.send(self._take_head() + (b"0\r\n\r\n" if self._chunked else b""))

    def _send(self, event: bytes, *, last: bool = False) -> None:
        self._sent += 1
        if self._manner.crlf:
            event = event.replace(b"\n", b"\r\n")
        if self._manner.byte_by_byte:
            self.begin()
            for at in range(len(event)):
                self._peer.send(self._framed(event[at : at + 1]))
            event = b""
        end = b"0\r\n\r\n" if last and self._chunked else b""
        self._peer.send(self._take_head() + (self._framed(event) if event else b"") + end)

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def _take_head(self) -> bytes:
        head, self._head = self._head, b""
        return head


class Stream(Protocol):
    """An answer as a stream, in one of the formats."""

    def begin(self) -> None: ...

    def say(self, text: str) -> None: ...

    def write(self, step: Step) -> None:
        """Send a step that carries something of the answer."""

    def finish(self, reason: str | None, tally: Tally) -> None:
        """Send what ends a stream; `reason` None: what must not be missing is."""

    def done(self) -> None: ...

    def close_body(self) -> None: ...


class Whole(Protocol):
    """An answer as one object, in one of the formats."""

    def take(self, step: Step) -> None: ...

    def body(self, reason: str | None, tally: Tally) -> bytes: ...


class Format(Protocol):
    """A format of questions and answers; `chat_format` and `response_format` are the two."""

    def read(self, body: bytes, content_type: str) -> Chat: ...

    def stream(
        self, chat: Chat, *, peer: Peer, manner: Manner, head: bytes, chunked: bool, request_id: str
    ) -> Stream: ...

    def whole(self, chat: Chat, *, manner: Manner, request_id: str) -> Whole: ...
