"""The client at the other end of a connection: write to it, wait with it, notice that it went away."""

from __future__ import annotations

import select
import socket
import struct
import time

# Tells that the client closed, without waking for what it sent. macOS has no POLLRDHUP: see `_look`.
_HANGUP = getattr(select, "POLLRDHUP", 0) or select.POLLIN
_LOOK_EVERY = 0.05
_LINGER_NOT = struct.pack("ii", 1, 0)


class ClientWentAway(Exception):
    """The client closed its side."""


class Peer:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, _HANGUP)

    def send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError:
            raise ClientWentAway from None

    def wait(self, seconds: float | None) -> None:
        """Wait, for ever if None. Raise ClientWentAway as soon as the client closes."""
        timeout = None if seconds is None else seconds * 1000 if seconds > 0 else 0
        if found := self._poll.poll(timeout):
            self._look(found[0][1], seconds)

    def _look(self, events: int, seconds: float | None) -> None:
        """Raise ClientWentAway, or wait on if the client only sent more before it had its answer."""
        until = None if seconds is None else time.monotonic() + seconds
        while not self._is_gone(events):
            left = _LOOK_EVERY if until is None else until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(_LOOK_EVERY, left))
            events = self._poll.poll(0)[0][1]  # what nobody read keeps it ready
        raise ClientWentAway

    def _is_gone(self, events: int) -> bool:
        if events != select.POLLIN:
            return True
        try:
            return not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return True

    def reset_on_close(self) -> None:
        """Make the coming close a TCP reset, which throws away what the client has not read yet."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
