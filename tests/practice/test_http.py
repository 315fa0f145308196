"""The HTTP below: what a strict or an odd client may do."""

from __future__ import annotations

import gzip
import http.client
import json
import socket

import pytest

from conversations.practice import Gateway, http_messages
from tests.practice.asking import PATH, address, ask, question, read_on

HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: practice\r\n"
    "Authorization: Bearer any\r\nContent-Type: application/json\r\n"
)


def send(gateway: Gateway, *pieces: bytes) -> bytes:
    """Send the pieces and return all that comes back until the gateway closes."""
    with socket.create_connection(address(gateway), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_on(connection)[0]


def test_a_connection_serves_many_requests(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection(*address(gateway), timeout=10)
    headers = {"Authorization": "Bearer any", "Content-Type": "application/json"}
    for model in (
        "practice-chat",
        "practice-503",
        "practice-error-chunk",
        "practice-html-200",
        "practice-chat",
    ):
        connection.request("POST", PATH, json.dumps(question(model=model, stream=True)), headers)
        connection.getresponse().read()
    connection.close()

    assert len(gateway.seen()["requests"]) == 5
    assert sum(gateway.seen()["connections"].values()) == 1


def test_http_1_0_gets_a_stream_without_chunks(gateway: Gateway) -> None:
    body = json.dumps(question("3 tokens", "practice-steady", stream=True)).encode()
    head = HEAD.replace("HTTP/1.1", "HTTP/1.0") + f"Content-Length: {len(body)}\r\n\r\n"
    answer = send(gateway, head.encode(), body)

    assert b"Transfer-Encoding" not in answer
    assert b"Connection: close" in answer
    assert answer.partition(b"\r\n\r\n")[2].startswith(b"data: ")
    assert answer.endswith(b"data: [DONE]\n\n")


def test_a_stream_comes_in_chunks_also_where_the_connection_closes_after_it(gateway: Gateway) -> None:
    body = question("3 tokens", "practice-steady", stream=True)
    answer = ask(gateway, body, Connection="close")

    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.headers["connection"] == "close"
    assert answer.text == "t1 t2 t3 "


def test_a_body_may_come_in_chunks(gateway: Gateway) -> None:
    body = json.dumps(question()).encode()
    chunks = b"".join(b"%x;x=1\r\n%b\r\n" % (len(part), part) for part in (body[:10], body[10:]))
    head = HEAD + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = send(gateway, head.encode(), chunks + b"0\r\nTrailer: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_may_ask_before_it_sends(gateway: Gateway) -> None:
    body = json.dumps(question()).encode()
    head = HEAD + f"Connection: close\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = send(gateway, head.encode(), body)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_zipped_body_is_unzipped(gateway: Gateway) -> None:
    zipped = gzip.compress(json.dumps(question()).encode())

    assert ask(gateway, zipped, Content_Encoding="gzip").status == 200
    assert ask(gateway, zipped[:-9], Content_Encoding="gzip").status == 400
    assert ask(gateway, b"plain", Content_Encoding="gzip").status == 400


def test_too_large_a_body_is_refused_unread(gateway: Gateway) -> None:
    answer = send(gateway, f"{HEAD}Content-Length: {2**30}\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n")
    assert b'"code":"read_request_body_failed"' in answer


def test_a_zipped_bomb_is_refused(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_messages, "LARGEST_BODY", 10_000)
    bomb = gzip.compress(bytes(10_001))

    assert ask(gateway, bomb, Content_Encoding="gzip").status == 413


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10 + b"A" * 70_000,
        b"POST /x HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    ],
)
def test_what_is_not_http_is_hung_up_on(gateway: Gateway, sent: bytes) -> None:
    assert send(gateway, sent) == b""
    assert gateway.seen()["requests"] == []


def test_half_a_body_is_no_request(gateway: Gateway) -> None:
    with socket.create_connection(address(gateway), timeout=10) as connection:
        connection.sendall(f"{HEAD}Content-Length: 100\r\n\r\n{{".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""

    assert gateway.seen()["requests"] == []
