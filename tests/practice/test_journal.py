"""What the gateway tells of what it saw."""

from __future__ import annotations

import json
import select
import socket
import struct

import pytest

from conversations import practice
from conversations.practice import Gateway, peer
from tests.practice.asking import ask, get, open_stream, question, request, wait_until
from tests.practice.images import data_uri


def last_end(gateway: Gateway) -> str | None:
    requests = gateway.seen()["requests"]
    return requests[-1]["ended"] if requests else None


def test_a_request_is_seen_without_its_key(gateway: Gateway) -> None:
    answer = ask(gateway, question("Hello"), key="sk-secret", X_Custom="yes")
    seen = gateway.seen()["requests"][0]

    assert (seen["method"], seen["path"], seen["status"]) == ("POST", "/v1/chat/completions", 200)
    assert seen["body"] == question("Hello")
    assert seen["body_bytes"] == len(json.dumps(question("Hello")))
    assert seen["headers"]["x-custom"] == "yes"
    assert seen["request_id"] == answer.headers["x-oneapi-request-id"]
    assert seen["has_key"] is True
    assert "sk-secret" not in json.dumps(gateway.seen())
    assert seen["started_at"] <= seen["finished_at"]
    assert seen["tokens"] == answer.json["usage"]["completion_tokens"]
    assert seen["ended"] == "answered"


def test_it_is_told_over_http_too_and_can_be_cleared(gateway: Gateway) -> None:
    ask(gateway, question(), key=None)
    wait_until(lambda: gateway.seen()["connections"] == {"open": 0, "closed": 1})
    told = get(gateway, "/practice/seen", key=None).json
    cleared = request(gateway, "POST", "/practice/reset", b"", {})

    assert [entry["status"] for entry in told["requests"]] == [401]
    assert told["requests"][0]["has_key"] is False
    assert told["connections"] == {"open": 0, "closed": 1}
    assert cleared.status == 200
    assert gateway.seen()["requests"] == []


@pytest.mark.parametrize(
    ("model", "streamed"),
    [("practice-silence", True), ("practice-no-answer", True), ("practice-slow-start", False)],
)
def test_a_client_that_goes_away_is_noticed_at_once(model: str, streamed: bool) -> None:
    with practice.running(speed=1 if model == "practice-slow-start" else 100) as gateway:
        connection = open_stream(gateway, question(model=model, stream=streamed))
        wait_until(lambda: gateway.seen()["requests"])
        if model == "practice-silence":
            wait_until(lambda: gateway.seen()["requests"][0]["tokens"] > 15)
        assert gateway.seen()["connections"]["open"] == 1
        assert last_end(gateway) is None

        connection.close()

        assert wait_until(lambda: last_end(gateway) == "client went away") < 0.3
        wait_until(lambda: gateway.seen()["connections"] == {"open": 0, "closed": 1})


def test_a_client_that_stops_in_the_middle_saves_the_rest(gateway: Gateway) -> None:
    with open_stream(
        gateway, question("1000 tokens every 500 ms", "practice-steady", stream=True)
    ) as connection:
        connection.recv(1)
        wait_until(lambda: gateway.seen()["requests"][0]["tokens"] > 5)

    wait_until(lambda: last_end(gateway) == "client went away")
    assert gateway.seen()["requests"][0]["tokens"] < 1000


def test_what_a_client_sends_too_early_is_no_farewell(gateway: Gateway) -> None:
    with open_stream(
        gateway, question("20 tokens every 500 ms", "practice-steady", stream=True)
    ) as connection:
        connection.sendall(
            b"GET /v1/models HTTP/1.1\r\nAuthorization: Bearer any\r\nConnection: close\r\n\r\n"
        )
        received = b""
        while data := connection.recv(65536):
            received += data

    assert b"[DONE]" in received
    assert b'"object":"list"' in received
    assert [entry["ended"] for entry in gateway.seen()["requests"]] == ["answered", "answered"]


def test_where_the_system_can_not_tell_of_a_farewell_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peer, "_HANGUP", select.POLLIN)  # as on macOS
    with practice.running() as gateway:
        connection = open_stream(gateway, question(model="practice-no-answer"))
        wait_until(lambda: gateway.seen()["requests"])
        connection.sendall(b"too early")
        with pytest.raises(AssertionError):
            wait_until(lambda: last_end(gateway), seconds=0.2)

        # Unread bytes hide a polite farewell there, not a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        assert wait_until(lambda: last_end(gateway) == "client went away") < 0.3

        connection = open_stream(gateway, question(model="practice-no-answer"))
        wait_until(lambda: len(gateway.seen()["requests"]) == 2)
        connection.close()
        assert wait_until(lambda: last_end(gateway) == "client went away") < 0.3


def test_large_bodies_are_kept_short(gateway: Gateway) -> None:
    gif = b"GIF89a\x01\x00\x01\x00\x00\x00\x00" + b";" * 300_000
    url = data_uri(gif, "image/gif")
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Look"}]
    with_picture = ask(gateway, {"model": "practice-chat", "messages": [{"role": "user", "content": parts}]})
    many = [{"role": "user", "content": "word " * 50}] * 1000
    ask(gateway, {"model": "practice-chat", "messages": many})
    ask(gateway, b"not JSON " * 50_000)
    kept = [entry["body"] for entry in gateway.seen()["requests"]]

    assert "GIF, 1×1 pixels, 300,013 bytes" in with_picture.text
    assert (
        kept[0]["messages"][0]["content"][0]["image_url"]["url"] == f"{url[:200]}… ({len(url):,} characters)"
    )
    assert kept[0]["messages"][0]["content"][1]["text"] == "Look"
    assert all(len(json.dumps(body)) < 100_000 for body in kept)
    assert [entry["body_bytes"] > 100_000 for entry in gateway.seen()["requests"]] == [True] * 3


def test_only_the_last_500_requests_are_kept(gateway: Gateway) -> None:
    for number in range(505):
        request(gateway, "GET", f"/nowhere/{number}", None, {})
    paths = [entry["path"] for entry in gateway.seen()["requests"]]

    assert (len(paths), paths[0], paths[-1]) == (500, "/nowhere/5", "/nowhere/504")


def test_running_hangs_up_at_its_end() -> None:
    with practice.running(speed=100) as gateway:
        open_one = open_stream(gateway, question(model="practice-silence", stream=True))
        idle = open_stream(gateway, question(model="practice-503"))
        wait_until(lambda: len(gateway.seen()["requests"]) == 2)

    assert gateway.seen()["connections"] == {"open": 0, "closed": 2}
    open_one.close()
    idle.close()
