"""A question, the pieces of an answer, and gateways that play it well or badly. No test in here."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator

import pytest

from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.client import ChainHub, Timeouts
from conversations.chainhub.errors import Cancelled
from conversations.chainhub.events import Event, Finished, Started, TextDelta
from conversations.chainhub.messages import ChatRequest, Message, Text
from tests.chainhub.loopback import HEAD, Connection

QUESTION = ChatRequest("gpt-4o", (Message("user", (Text("Hi"),)),))
KEY = "sk-chainhub-0123456789abcdef"


def piece(text: str = "", reason: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return f"data: {json.dumps({'id': 'x', 'model': 'gpt-4o', 'choices': [choice]})}\n\n"


DONE = "data: [DONE]\n\n"

SHORT = Timeouts(connect=0.4, sending=5, first_byte=0.4, idle=0.4, tail=0.2)
LONG = Timeouts(connect=30, sending=30, first_byte=30, idle=30, tail=30)


def hub(url: str, timeouts: Timeouts = LONG, **options: object) -> ChainHub:
    return ChainHub(url, KEY, timeouts=timeouts, **options)


def read(client: ChainHub, **options: object) -> list[Event]:
    with client.open_answer(QUESTION, **options) as answer:
        return list(answer)


def good(connection: Connection) -> None:
    connection.begin()
    connection.chunk(piece("Hello") + piece("", "stop") + DONE)
    connection.end()


# What `good` gives.
GOOD = [Started("x", "gpt-4o"), TextDelta("Hello"), Finished("stop")]


def begun(connection: Connection) -> None:
    connection.begin()
    connection.chunk(piece("Hel"))


def silent_before_headers(connection: Connection) -> None:
    connection.read_request()


def silent_after_headers(connection: Connection) -> None:
    connection.begin()


def headers_that_take_their_time(connection: Connection) -> None:
    connection.read_request()
    time.sleep(0.8)
    connection.send(HEAD)


@contextlib.contextmanager
def cancelled_soon(cancellation: Cancellation, *, after: float = 0.3) -> Iterator[None]:
    """Cancel from another thread; what runs inside must raise Cancelled well within a second."""
    moment = []

    def cancel() -> None:
        moment.append(time.monotonic())
        cancellation.cancel()

    timer = threading.Timer(after, cancel)
    timer.start()
    with pytest.raises(Cancelled):
        yield
    took = time.monotonic() - moment[0]
    timer.join()
    assert took < 0.8
