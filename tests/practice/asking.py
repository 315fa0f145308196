"""Ask the practice gateway over plain sockets, as its strictest client would."""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from conversations.practice import Gateway

PATH = "/v1/chat/completions"
RESPONSES = "/v1/responses"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    # The class of what ended the body early, None if it ended in good order.
    broken_by: type[Exception] | None = None
    events: list[Any] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [c["delta"] for e in self.events if isinstance(e, dict) for c in e.get("choices", [])]

    @property
    def text(self) -> str:
        """What the answer says, streamed or not."""
        if self.events:
            return "".join(delta.get("content") or "" for delta in self.deltas)
        return self.json["choices"][0]["message"]["content"] or ""

    @property
    def finish_reasons(self) -> list[str]:
        chunks = [e for e in self.events if isinstance(e, dict)]
        reasons = [c["finish_reason"] for e in chunks for c in e.get("choices", [])]
        return [reason for reason in reasons if reason]

    @property
    def usages(self) -> list[dict[str, Any]]:
        return [e["usage"] for e in self.events if isinstance(e, dict) and e.get("usage")]


def address(gateway: Gateway) -> tuple[str, int]:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    return host, int(port)


def question(text: str = "Hello", model: str = "practice-chat", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def ask(gateway: Gateway, body: Any, *, key: str | None = "any", path: str = PATH, **headers: str) -> Answer:
    """Post to the chat address, or another; read to the end, whatever the end is."""
    sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request(gateway, "POST", path, data, sent)


def respond(gateway: Gateway, suffix: str = "-responses", text: Any = "Hello", **fields: Any) -> Answer:
    """Post to the address of responses."""
    return ask(gateway, {"model": f"practice{suffix}", "input": text, **fields}, path=RESPONSES)


def say(gateway: Gateway, *messages: Any, **fields: Any) -> Answer:
    """Send whole messages, or what a person says, to practice-chat."""
    turns = [{"role": "user", "content": m} if isinstance(m, str | list) else m for m in messages]
    return ask(gateway, {"model": "practice-chat", "messages": turns, **fields})


def stream(gateway: Gateway, suffix: str, text: str = "Hello", **fields: object) -> Answer:
    return ask(gateway, question(text, f"practice{suffix}", stream=True, **fields))


def get(gateway: Gateway, path: str, *, key: str | None = "any") -> Answer:
    return request(gateway, "GET", path, None, {"Authorization": f"Bearer {key}"} if key else {})


def request(gateway: Gateway, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection(*address(gateway), timeout=10)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, b"")
        try:
            while data := response.read1():
                answer.body += data
        except (http.client.HTTPException, OSError) as error:
            answer.broken_by = type(error)
        # Unlike read(), read1() says nothing of a body that is shorter than it should be.
        if answer.broken_by is None and len(answer.body) < int(answer.headers.get("content-length", 0)):
            answer.broken_by = http.client.IncompleteRead
        if answer.body.lstrip().startswith((b"data:", b":", b"event:")):
            answer.events = read_events(answer.body)
        return answer
    finally:
        connection.close()


def read_events(body: bytes) -> list[Any]:
    """Each event's data, as JSON where it is some; a bare line of JSON counts as an event too."""
    events: list[Any] = []
    for line in body.decode().replace("\r\n", "\n").split("\n"):
        if line.startswith("data: "):
            data = line.removeprefix("data: ")
            events.append(data if data == "[DONE]" else json.loads(data))
        elif line.startswith("{"):
            events.append({"bare": json.loads(line)})
        else:
            assert not line or line.startswith((":", "event: ")), line
    return events


def open_stream(gateway: Gateway, body: dict[str, Any], *, path: str = PATH) -> socket.socket:
    """Send a request and leave the reading to the caller."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: practice\r\nAuthorization: Bearer any\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    connection = socket.create_connection(address(gateway), timeout=10)
    connection.sendall(head.encode() + data)
    return connection


def wait_until(condition: Any, *, seconds: float = 5.0) -> float:
    """Return how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - started


def read_on(connection: socket.socket) -> tuple[bytes, type[Exception] | None]:
    """Read until the connection ends; return what came, and what it ended with if not politely."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except OSError as error:
        return received, type(error)
    return received, None
