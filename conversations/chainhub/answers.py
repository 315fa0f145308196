"""An answer while it arrives: what `ChainHub.open_answer()` hands out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

from conversations.chainhub import sse
from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.errors import ChainHubError, redact
from conversations.chainhub.events import Event, Started
from conversations.chainhub.exchange import Reply
from conversations.chainhub.redacting import Redactor
from conversations.chainhub.wires import Wire

# Shorter keys (of tests, of the practice gateway) may be words that an answer is allowed to use.
_SHORTEST_KEY_IN_TEXT = 16


class Answer:
    """A context manager and an iterator of events, to be read by one thread, once.

    The iteration ends after Finished or raises a ChainHubError; both close the connection, and so does
    leaving the `with` block in the middle. `model` is what the answer says it is made by, "" until it has
    begun.
    """

    def __init__(self, reply: Reply, *, wire: Wire, secret: str, cancellation: Cancellation) -> None:
        self.status = reply.status
        self.request_id = reply.request_id
        self.model = ""
        self._reply = reply
        self._wire = wire
        self._secret = secret if len(secret) >= _SHORTEST_KEY_IN_TEXT else ""
        self._key = secret
        self._cancellation = cancellation
        self._events = self._read()

    @property
    def first_byte_at(self) -> float | None:
        """time.monotonic() of the first byte of the body, a comment included; None before it."""
        return self._reply.first_byte_at

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def gather(self, pause: Callable[[], float]) -> None:
        """Read from now on in gulps, `pause()` seconds apart: for whoever shows it no more often."""
        self._reply.gather(pause)

    def close(self) -> None:
        """Close the connection, read or not. Only for the reading thread; others use a Cancellation."""
        self._reply.close()

    def _read(self) -> Iterator[Event]:
        items = map(self._clean, sse.decode(self._reply.chunks()))
        redactor = Redactor(self._secret)
        try:
            for event in self._wire.decode(items, notice=self._reply.expect_end):
                # Many events may have come in one piece.
                self._cancellation.raise_if_cancelled()
                if isinstance(event, Started):
                    self.model = event.model or self.model
                yield from redactor.pass_on(event)
        except ChainHubError as error:
            error.sign(request_id=self.request_id, secret=self._key)
            # What came before the fault came; only then the fault.
            yield from redactor.rest()
            raise
        finally:
            self.close()

    def _clean(self, item: sse.Item) -> sse.Item:
        """Blank the key out of what came back: some gateways and tools echo headers."""
        text = item.text if isinstance(item, sse.BareJson) else item.data
        if not self._secret or self._secret not in text:
            return item
        clean = redact(text, self._secret)
        return replace(item, text=clean) if isinstance(item, sse.BareJson) else replace(item, data=clean)
