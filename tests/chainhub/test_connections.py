"""Against real sockets: what arrives, when, and over what."""

import gzip
import threading
import time

import pytest

from conversations.chainhub.errors import (
    ConnectionFailed,
    UnreadableReply,
)
from conversations.chainhub.events import Finished, Started, TextDelta
from tests.chainhub.loopback import HEAD, gateway
from tests.chainhub.questions import (
    GOOD,
    KEY,
    QUESTION,
    good,
    hub,
    piece,
    read,
)

pytestmark = pytest.mark.usefixtures("wire")


@pytest.mark.parametrize("is_chunked", [True, False])
def test_the_first_token_arrives_before_the_stream_ends(is_chunked):
    go_on = threading.Event()

    def play(connection):
        connection.read_request()
        say = connection.chunk if is_chunked else lambda text: connection.send(text.encode())
        connection.send(HEAD if is_chunked else b"HTTP/1.1 200 OK\r\n\r\n")
        say(": PING\n\n")
        say(piece("Hel"))
        go_on.wait(10)
        say(piece("lo", "stop"))
        if is_chunked:
            connection.end()
        connection.sock.close()

    with gateway(play) as server, hub(server.url).open_answer(QUESTION) as answer:
        before = time.monotonic()
        assert next(answer) == Started("x", "gpt-4o")
        assert next(answer) == TextDelta("Hel")
        assert not go_on.is_set()
        go_on.set()

        assert list(answer) == [TextDelta("lo"), Finished("stop")]
        assert before - 1 < answer.first_byte_at <= time.monotonic()
        assert answer.model == "gpt-4o"


def test_one_call_is_one_request_with_the_key_and_a_json_body():
    with gateway(good) as server:
        client = hub(f"{server.url}/v1")
        with client.open_answer(QUESTION) as answer:
            assert (answer.status, answer.request_id) == (200, "20260208160405")
            assert answer.model == ""
            assert answer.first_byte_at is None
            assert list(answer) == GOOD

        assert len(server.connections) == 1
        head = server.connections[0].head.decode()
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}" in head
    assert "Accept-Encoding: identity" in head
    assert "Content-Type: application/json" in head


def test_threads_may_share_a_client():
    with gateway(good) as server:
        client = hub(server.url)
        results = []
        threads = [threading.Thread(target=lambda: results.append(read(client))) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    assert results == [GOOD] * 32


def test_leaving_the_block_closes_the_connection():
    def play(connection):
        connection.begin()
        connection.chunk(piece("Hel"))

    with gateway(play) as server:
        with hub(server.url).open_answer(QUESTION) as answer:
            assert next(answer) == Started("x", "gpt-4o")

        assert server.closed.wait(2)


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: b"no gzip at all"])
def test_a_reply_that_is_packed_all_the_same(pack):
    def play(connection):
        connection.read_request()
        body = pack((piece("Hello") + piece("", "stop")).encode())
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        connection.send(body)

    with gateway(play) as server:
        if pack is gzip.compress:
            assert read(hub(server.url)) == GOOD
        else:
            with pytest.raises(UnreadableReply):
                read(hub(server.url))


def test_a_redirect_is_not_followed_and_the_key_stays():
    with gateway(good) as other:

        def play(connection):
            connection.read_request()
            connection.send(
                f"HTTP/1.1 307 Go\r\nLocation: {other.url}/v1/x\r\nContent-Length: 0\r\n\r\n".encode()
            )

        with gateway(play) as server, pytest.raises(UnreadableReply) as caught:
            read(hub(server.url))

        assert other.connections == []
    assert (caught.value.kind, caught.value.may_be_billed) == ("redirected", False)


def test_netrc_and_the_machines_proxy_do_not_count(monkeypatch, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login eve password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))

    with gateway(good) as proxy, gateway(good) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)

        assert read(hub(server.url)) == GOOD
        assert proxy.connections == []
        assert f"Authorization: Bearer {KEY}".encode() in server.connections[0].head


def test_a_proxy_that_is_set_on_purpose_is_used():
    with gateway(good) as proxy:
        assert read(hub("http://gateway.test", proxy=proxy.url)) == GOOD

        assert proxy.connections[0].head.startswith(b"POST http://gateway.test/v1/chat/completions")


def test_a_proxy_that_refuses_the_tunnel():
    def play(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 407 No\r\n\r\n")

    with gateway(play) as proxy, pytest.raises(ConnectionFailed) as caught:
        read(hub("https://gateway.test", proxy=proxy.url))

    assert (caught.value.kind, caught.value.sent) == ("proxy_failed", False)
