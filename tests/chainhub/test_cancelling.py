"""Against real sockets: every phase may be stopped from another thread."""

import os
import socket
import threading
import time
from dataclasses import replace

import pytest

from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.errors import (
    Cancelled,
)
from conversations.chainhub.events import TextDelta
from tests.chainhub.loopback import deaf_port, gateway
from tests.chainhub.questions import (
    GOOD,
    QUESTION,
    begun,
    cancelled_soon,
    good,
    hub,
    read,
    silent_after_headers,
    silent_before_headers,
)

pytestmark = pytest.mark.usefixtures("wire")


def test_cancelled_before_it_began_there_is_no_request():
    cancellation = Cancellation()
    cancellation.cancel()

    with gateway(good) as server:
        with pytest.raises(Cancelled):
            read(hub(server.url), cancellation=cancellation)

        assert server.connections == []


def test_cancelled_while_the_name_is_looked_up(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(3))
    cancellation = Cancellation()

    with cancelled_soon(cancellation):
        read(hub("http://gateway.test"), cancellation=cancellation)


def test_cancelled_while_connecting():
    cancellation = Cancellation()

    with deaf_port() as (port, _), cancelled_soon(cancellation):
        read(hub(f"http://127.0.0.1:{port}"), cancellation=cancellation)


def test_cancelled_in_the_moment_of_connecting(monkeypatch):
    cancellation = Cancellation()
    dup = socket.socket.dup

    def cancel_and_dup(sock):
        cancellation.cancel()
        return dup(sock)

    monkeypatch.setattr(socket.socket, "dup", cancel_and_dup)
    with gateway(good) as server, pytest.raises(Cancelled):
        read(hub(server.url), cancellation=cancellation)


def test_cancelled_while_the_question_is_being_sent():
    cancellation = Cancellation()
    request = replace(QUESTION, parameters={"user": "x" * 40_000_000})

    def play(connection):
        time.sleep(2)

    with gateway(play) as server, cancelled_soon(cancellation):
        hub(server.url).open_answer(request, cancellation=cancellation)


def refusing(connection):
    connection.read_request()
    connection.send(b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\n{")


@pytest.mark.parametrize("play", [silent_before_headers, silent_after_headers, begun, refusing])
def test_cancelled_while_waiting_the_gateway_sees_it(play):
    cancellation = Cancellation()

    with gateway(play) as server:
        with cancelled_soon(cancellation):
            read(hub(server.url), cancellation=cancellation)
        assert server.closed.wait(1)


def test_cancelled_from_elsewhere_while_the_answer_is_still_held_open():
    cancellation = Cancellation()

    with gateway(begun) as server, hub(server.url).open_answer(QUESTION, cancellation=cancellation) as answer:
        assert [next(answer), next(answer)] == GOOD[:1] + [TextDelta("Hel")]
        cancellation.cancel()
        # Before the reading thread does anything.
        assert server.closed.wait(1)
        with pytest.raises(Cancelled):
            next(answer)


def test_cancelled_between_two_events_that_came_together():
    cancellation = Cancellation()

    with gateway(good) as server, hub(server.url).open_answer(QUESTION, cancellation=cancellation) as answer:
        assert next(answer) == GOOD[0]
        cancellation.cancel()
        with pytest.raises(Cancelled):
            next(answer)
        with pytest.raises(StopIteration):
            next(answer)


def test_a_switch_tells_who_waits_and_who_comes_late():
    cancellation = Cancellation()
    cuts = []

    assert not cancellation.cancelled
    assert not cancellation.wait(0.01)
    cancellation.watch(lambda: cuts.append("first"))
    cancellation.cancel()
    cancellation.watch(lambda: cuts.append("late"))

    assert cancellation.cancelled
    assert cancellation.wait(10)
    assert cuts == ["first", "late"]


def test_one_switch_stops_several_answers():
    cancellation = Cancellation()
    ends = []

    def run(url):
        try:
            read(hub(url), cancellation=cancellation)
        except Cancelled:
            ends.append(time.monotonic())

    with gateway(begun) as server:
        threads = [threading.Thread(target=run, args=(server.url,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        cancellation.cancel()
        for thread in threads:
            thread.join(2)

    assert len(ends) == 5


def test_no_connection_is_left_open():
    def count():
        return len(os.listdir("/proc/self/fd"))

    with gateway(good) as server:
        client = hub(server.url)
        read(client)
        time.sleep(0.1)
        before = count()
        for _ in range(20):
            read(client)
        time.sleep(0.2)

        assert count() <= before + 1
