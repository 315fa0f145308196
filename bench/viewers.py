"""Many viewers in one thread: each reads the event stream of one conversation and knows when what came."""

from __future__ import annotations

import re
import selectors
import socket
import time
from dataclasses import dataclass, field

from tests.site import Browser

_TOKEN = re.compile(rb"\bt(\d+)@(\d{16})")
_END = re.compile(rb"event: message\n")


@dataclass
class Viewer:
    """One open page. Times are seconds; ages are those of single tokens, from the gateway's write on."""

    browser: Browser
    address: str
    page: str
    question: str
    sock: socket.socket | None = None
    sent_at: float = 0.0
    first_at: float = 0.0
    seen: int = 0
    ages: list[float] = field(default_factory=list)
    has_ended: bool = False
    state: str = ""
    tail: bytes = b""

    def cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())

    def open(self) -> None:
        port = self.browser.site.port
        self.sock = socket.create_connection(("127.0.0.1", port))
        head = f"GET {self.address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        request = f"{head}Cookie: {self.cookies()}\r\n\r\n"
        self.sock.sendall(request.encode())
        self.sock.setblocking(False)

    def take(self, data: bytes) -> None:
        now = time.time()
        data = self.tail + data
        for match in _TOKEN.finditer(data):
            number = int(match[1])
            if number > self.seen:
                self.seen = number
                self.first_at = self.first_at or now
                self.ages.append(now - int(match[2]) / 1_000_000)
        if _END.search(data):
            state = re.search(rb'event: message\n.*"state":"(\w+)"', data, re.DOTALL)
            if state:
                self.has_ended, self.state = True, state[1].decode()
        # What may be the first half of a mark, in characters: a stamp, or the head of an event.
        self.tail = data[-400:]


def watch(viewers: list[Viewer], *, until_ended: bool, seconds: float) -> None:
    """Read for all of them until each has ended, or the time is up."""
    selector = selectors.DefaultSelector()
    for viewer in viewers:
        assert viewer.sock
        selector.register(viewer.sock, selectors.EVENT_READ, viewer)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for key, _ in selector.select(0.05):
            try:
                data = key.data.sock.recv(65536)
            except BlockingIOError:
                continue
            if not data:
                selector.unregister(key.fileobj)
                continue
            key.data.take(data)
        if until_ended and all(viewer.has_ended for viewer in viewers):
            break
    selector.close()
