"""A gateway of a few lines on loopback: each connection is played by a function of the test."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"X-Oneapi-Request-Id: 20260208160405\r\nTransfer-Encoding: chunked\r\n\r\n"
)


class Connection:
    """One accepted connection. `head` is what was asked, `body` what came with it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.head = b""
        self.body = b""

    def read_request(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                return
            data += more
        self.head, _, self.body = data.partition(b"\r\n\r\n")
        while len(self.body) < self.length():
            self.body += self.sock.recv(65536)

    def length(self) -> int:
        for line in self.head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return int(line.partition(b":")[2])
        return 0

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def begin(self) -> None:
        self.read_request()
        self.send(HEAD)

    def chunk(self, data: str) -> None:
        raw = data.encode()
        self.send(b"%x\r\n%s\r\n" % (len(raw), raw))

    def end(self) -> None:
        self.send(b"0\r\n\r\n")

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def wait_for_close(self) -> None:
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass


Play = Callable[[Connection], None]


class Gateway:
    def __init__(self, play: Play, tls: ssl.SSLContext | None) -> None:
        self.play = play
        self.tls = tls
        self.connections: list[Connection] = []
        self.closed_at: float | None = None
        self.closed = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._serve_one, args=(sock,), daemon=True).start()

    def _serve_one(self, sock: socket.socket) -> None:
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            connection = Connection(sock)
            self.connections.append(connection)
            self.play(connection)
            connection.wait_for_close()
        except OSError:
            pass
        finally:
            self.closed_at = time.monotonic()
            self.closed.set()
            sock.close()


@contextlib.contextmanager
def gateway(play: Play, *, tls: ssl.SSLContext | None = None) -> Iterator[Gateway]:
    server = Gateway(play, tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        # close() alone leaves a thread in accept() behind.
        with contextlib.suppress(OSError):
            server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(5)


@contextlib.contextmanager
def deaf_port() -> Iterator[tuple[int, Callable[[], None]]]:
    """A port that completes no connection: its queue is full, and nobody accepts. And how to close it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(8):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    try:
        yield listener.getsockname()[1], listener.close
    finally:
        for sock in [*waiting, listener]:
            sock.close()
