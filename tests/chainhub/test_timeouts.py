"""Against real sockets: every phase may be slow or break."""

import contextlib
import socket
import threading
import time
from dataclasses import replace

import pytest

from conversations.chainhub.client import Timeouts
from conversations.chainhub.errors import (
    ConnectionFailed,
    GatewayUnavailable,
    StreamBroken,
)
from conversations.chainhub.events import Started, TextDelta
from tests.chainhub.loopback import deaf_port, gateway
from tests.chainhub.questions import (
    GOOD,
    LONG,
    QUESTION,
    SHORT,
    good,
    headers_that_take_their_time,
    hub,
    piece,
    read,
    silent_after_headers,
    silent_before_headers,
)

pytestmark = pytest.mark.usefixtures("wire")


@pytest.mark.parametrize("play", [silent_before_headers, silent_after_headers, headers_that_take_their_time])
def test_no_first_byte_in_time(play):
    with gateway(play) as server:
        before = time.monotonic()
        with pytest.raises(ConnectionFailed) as caught:
            read(hub(server.url, replace(LONG, first_byte=1)))
        seconds = time.monotonic() - before

    error = caught.value
    assert (error.kind, error.sent, error.timed_out) == ("first_byte_timeout", True, True)
    assert (error.retryable, error.may_be_billed) == (False, True)
    # One second for both, not one for the headers and one more for the body.
    assert 0.95 < seconds < 1.6


def test_a_comment_is_the_first_byte_and_silence_after_it_breaks_the_stream():
    def play(connection):
        connection.begin()
        connection.chunk(": PING\n\n")

    with gateway(play) as server, hub(server.url, SHORT).open_answer(QUESTION) as answer:
        with pytest.raises(StreamBroken, match="silent") as caught:
            list(answer)

        assert answer.first_byte_at is not None
    assert caught.value.request_id == "20260208160405"
    assert caught.value.may_be_billed


@pytest.mark.parametrize(
    ("idle", "survives"), [(5, True), (0.3, False)], ids=["longer than the first byte's", "shorter"]
)
def test_after_the_first_byte_only_the_idle_timeout_counts(idle, survives):
    def play(connection):
        connection.begin()
        connection.chunk(": PING\n\n")
        time.sleep(1)
        connection.chunk(piece("Hello") + piece("", "stop"))
        connection.end()

    timeouts = replace(LONG, first_byte=0.5 if survives else 30, idle=idle)
    with gateway(play) as server:
        if survives:
            assert read(hub(server.url, timeouts)) == GOOD
        else:
            with pytest.raises(StreamBroken, match="silent"):
                read(hub(server.url, timeouts))


def test_comments_keep_a_stream_alive():
    def play(connection):
        connection.begin()
        for _ in range(6):
            connection.chunk(": PING\n\n")
            time.sleep(0.15)
        connection.chunk(piece("Hello") + piece("", "stop"))
        connection.end()

    with gateway(play) as server:
        assert read(hub(server.url, SHORT)) == GOOD


def test_after_the_finish_reason_nobody_waits_long():
    def play(connection):
        connection.begin()
        connection.chunk(piece("Hello") + piece("", "stop"))

    with gateway(play) as server:
        before = time.monotonic()
        assert read(hub(server.url, replace(LONG, tail=0.2))) == GOOD
        assert time.monotonic() - before < 2


def test_a_long_question_may_take_longer_than_connecting():
    def play(connection):
        time.sleep(0.8)
        good(connection)

    body = "x" * 8_000_000
    request = replace(QUESTION, parameters={"user": body})
    with gateway(play) as server:
        client = hub(server.url, Timeouts(connect=0.3, sending=10, first_byte=5))
        with client.open_answer(request) as answer:
            assert list(answer) == GOOD


def test_a_refused_connection_may_be_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(ConnectionFailed) as caught:
        read(hub(f"http://127.0.0.1:{port}"))

    error = caught.value
    assert (error.kind, error.sent, error.retryable) == ("connection_refused", False, True)
    assert not error.may_be_billed


def test_a_connection_that_is_never_taken():
    with deaf_port() as (port, _), pytest.raises(ConnectionFailed) as caught:
        read(hub(f"http://127.0.0.1:{port}", SHORT))

    error = caught.value
    assert (error.kind, error.sent, error.timed_out) == ("connect_timeout", False, True)
    assert error.retryable


def test_a_connection_that_is_refused_only_after_a_while():
    with deaf_port() as (port, stop_listening):
        timer = threading.Timer(0.2, stop_listening)
        timer.start()
        with pytest.raises(ConnectionFailed) as caught:
            read(hub(f"http://127.0.0.1:{port}"))
        timer.join()

    assert caught.value.kind == "connection_refused"


def test_a_second_address_is_tried(monkeypatch):
    look_up = socket.getaddrinfo
    with gateway(good) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()
        closed.close()
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest: look_up("127.0.0.1", dead[1], *rest[1:]) + look_up("127.0.0.1", *rest),
        )

        assert read(hub(f"http://gateway.test:{server.port}")) == GOOD


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_a_name_that_nobody_knows(monkeypatch, failure):
    def look_up(*_):
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ConnectionFailed) as caught:
        read(hub("http://gateway.test"))

    assert (caught.value.kind, caught.value.retryable) == ("name_not_resolved", True)


def test_a_name_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(2))
    with pytest.raises(ConnectionFailed) as caught:
        read(hub("http://gateway.test", SHORT))

    assert (caught.value.kind, caught.value.timed_out) == ("connect_timeout", True)


def test_a_name_without_an_address(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
    with pytest.raises(ConnectionFailed, match="no address"):
        read(hub("http://gateway.test"))


@pytest.mark.parametrize("name", ["reset", "close"])
def test_a_connection_lost_after_the_question_is_not_retried(name):
    def play(connection):
        connection.read_request()
        connection.reset() if name == "reset" else connection.sock.close()

    with gateway(play) as server, pytest.raises(ConnectionFailed) as caught:
        read(hub(server.url))

    error = caught.value
    assert (error.kind, error.sent, error.timed_out) == ("connection_lost", True, False)
    assert (error.retryable, error.may_be_billed) == (False, True)


def test_a_reset_before_the_first_byte_of_the_body():
    def play(connection):
        connection.begin()
        connection.reset()

    with gateway(play) as server, pytest.raises(ConnectionFailed) as caught:
        read(hub(server.url))

    assert caught.value.kind == "connection_lost"


@pytest.mark.parametrize("end", ["reset", "close"])
def test_a_connection_lost_in_the_middle_breaks_the_stream_after_its_text(end):
    come = threading.Event()

    def play(connection):
        connection.begin()
        connection.chunk(piece("Hel"))
        come.wait(5)
        connection.reset() if end == "reset" else connection.sock.close()

    with gateway(play) as server, hub(server.url).open_answer(QUESTION) as answer:
        assert [next(answer), next(answer)] == [Started("x", "gpt-4o"), TextDelta("Hel")]
        come.set()
        with pytest.raises(StreamBroken):
            next(answer)


@pytest.mark.parametrize("end", ["reset", "close"])
def test_a_connection_lost_after_the_finish_reason_is_no_failure(end):
    come = threading.Event()

    def play(connection):
        connection.begin()
        connection.chunk(piece("Hello") + piece("", "stop"))
        come.wait(5)
        connection.reset() if end == "reset" else connection.sock.close()

    with gateway(play) as server, hub(server.url).open_answer(QUESTION) as answer:
        assert [next(answer), next(answer)] == GOOD[:2]
        come.set()
        assert list(answer) == GOOD[2:]


def test_an_error_body_without_end_is_read_only_so_far(monkeypatch):
    monkeypatch.setattr("conversations.chainhub.exchange.ERROR_BODY_SECONDS", 0.3)

    def play(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\n\r\n<html>")
        with contextlib.suppress(OSError):
            while True:
                connection.send(b"x" * 10)
                time.sleep(0.02)

    with gateway(play) as server:
        before = time.monotonic()
        with pytest.raises(GatewayUnavailable) as caught:
            read(hub(server.url))

        assert time.monotonic() - before < 2
    assert caught.value.message == "The gateway answered with status 502."


def test_an_error_body_that_stops_leaves_the_status(monkeypatch):
    monkeypatch.setattr("conversations.chainhub.exchange.ERROR_BODY_SECONDS", 0.2)

    def play(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n{")

    with gateway(play) as server, pytest.raises(GatewayUnavailable) as caught:
        read(hub(server.url))

    assert caught.value.retryable
