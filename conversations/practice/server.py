"""Listen on loopback: in a thread for a test, as the whole process for a person."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from conversations.practice.journal import Journal
from conversations.practice.visits import Visit

# Imitates a gateway that takes any key: nobody but this machine may reach it.
_LOOPBACK = "127.0.0.1"
_SECONDS_TO_CLOSE = 5.0


class PracticeServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, *, speed: float, key: str | None) -> None:
        self.journal = Journal()
        self.speed = speed
        self.key = key
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__((_LOOPBACK, port), Visit)

    @property
    def url(self) -> str:
        return f"http://{_LOOPBACK}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        # Counted here, not in the thread: who connected is counted before anybody can ask.
        with self._lock:
            self._connections.add(request)
        self.journal.connected()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            known = request in self._connections
            self._connections.discard(request)
        super().shutdown_request(request)
        if known:
            self.journal.disconnected()

    def hang_up(self) -> None:
        """Close every connection, so that the threads behind them end."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _SECONDS_TO_CLOSE
        while self.journal.open and time.monotonic() < deadline:
            time.sleep(0.005)


class Gateway:
    """A practice gateway that runs in this process."""

    def __init__(self, server: PracticeServer) -> None:
        self._server = server
        self.url = server.url

    def seen(self) -> dict[str, Any]:
        """What `GET /practice/seen` tells, without asking over the network."""
        return self._server.journal.as_json()

    def reset(self) -> None:
        self._server.journal.clear()


@contextlib.contextmanager
def running(*, port: int = 0, speed: float = 1.0, key: str | None = None) -> Iterator[Gateway]:
    """Run a practice gateway in a thread; at the end hang up on whoever is still connected."""
    with PracticeServer(port, speed=speed, key=key) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="practice gateway")
        thread.start()
        try:
            yield Gateway(server)
        finally:
            server.shutdown()
            thread.join()
            server.hang_up()


def serve(*, port: int, speed: float = 1.0, key: str | None = None, until_stdin_closes: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, or until standard input ends. Never returns."""
    try:
        server = PracticeServer(port, speed=speed, key=key)
    except (OSError, OverflowError) as error:
        sys.exit(f"The practice gateway can not listen on port {port}: {error}")
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    if until_stdin_closes:
        threading.Thread(target=_leave_with_stdin, daemon=True).start()
    # Whoever started us may have gone already; the gateway is of use without its line.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"Practice gateway: {server.url}\n")
        sys.stdout.flush()
    # Signals interrupt the wait, so there is nothing to poll for.
    server.serve_forever(poll_interval=3600)


def _leave(signal_number: int, frame: FrameType | None) -> None:
    # At once: nothing is stored, and the threads of open streams would hold up an orderly exit.
    os._exit(0)


def _leave_with_stdin() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(0)
