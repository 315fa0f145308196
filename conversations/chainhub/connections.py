"""One TCP connection per request: timeouts for each phase, and a way to cut it from another thread.

Nothing is pooled. A gateway may close an idle connection at the very moment when a question is written to it;
that looks like a reset after the body was sent, which must not be retried because it may be billed. A fresh
connection costs a round trip or two, once per answer of many seconds. What is dear about one, reading the CA
bundle (tens of milliseconds), is shared: one SSLContext per client, which any number of threads may use.
"""

import contextlib
import ipaddress
import os
import queue
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.errors import ConnectionFailed

# How soon a thread that waits for a name or a connection looks whether it was cancelled.
_GLANCE = 0.1


@dataclass(frozen=True)
class Timeouts:
    """Seconds. `first_byte`: from the end of sending to the first byte of the body, a comment included."""

    connect: float = 10.0
    sending: float = 120.0
    first_byte: float = 120.0
    idle: float = 300.0
    # After the finish_reason only the count of tokens is still to come, if at all.
    tail: float = 10.0


class Line:
    """The connection of one request. `is_open`: the request may have reached the gateway from then on."""

    def __init__(self, timeouts: Timeouts, cancellation: Cancellation) -> None:
        self.timeouts = timeouts
        self.cancellation = cancellation
        self.is_dialled = False
        self.is_open = False
        self.sent_at: float | None = None
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._twin: socket.socket | None = None

    def connect(self, host: str, port: int, options: Iterable[tuple[Any, ...]]) -> socket.socket:
        """Reach the first address of `host` that answers; Cancelled within a tenth of a second.

        Raise ConnectionFailed, which says why.
        """
        self.is_dialled = True
        deadline = time.monotonic() + self.timeouts.connect
        options = list(options)
        addresses = self._resolve(host, port, deadline)
        failure: OSError = OSError("the name has no address")
        for number, (family, kind, proto, _, address) in enumerate(addresses):
            # An address that swallows everything must leave time for the others.
            share = (deadline - time.monotonic()) / (len(addresses) - number)
            sock = socket.socket(family, kind, proto)
            try:
                for option in options:
                    sock.setsockopt(*option)
                self._reach(sock, address, time.monotonic() + share)
                self._keep(sock)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                # For the TLS handshake and a proxy's CONNECT.
                sock.settimeout(max(deadline - time.monotonic(), _GLANCE))
                return sock
        if isinstance(failure, TimeoutError):
            raise ConnectionFailed(
                "the gateway did not take the connection", kind="connect_timeout", timed_out=True
            )
        raise ConnectionFailed(f"the gateway refused the connection ({failure.strerror or failure})")

    def opened(self, sock: socket.socket) -> None:
        """Note the socket that the reply will be read from (for https another object than connect() made)."""
        self._sock = sock
        self.is_open = True
        # Not the connect timeout: sendall() counts it against the whole body, pictures included.
        sock.settimeout(self.timeouts.sending)

    def first_byte_deadline(self) -> float:
        """When the first byte of the body must be there; headers do not move it."""
        return (self.sent_at or time.monotonic()) + self.timeouts.first_byte

    def shorten(self, seconds: float) -> None:
        """Wait no longer than this, from now on, for each further byte."""
        self.sent_at = time.monotonic()
        self.timeouts = replace(self.timeouts, first_byte=seconds, idle=min(seconds, self.timeouts.idle))

    def allow_silence(self, seconds: float) -> None:
        """Let the next read wait this long. Without effect once the connection is closed."""
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.settimeout(max(seconds, 0.001))

    def cut(self) -> None:
        """End the connection under the reading thread, from any thread; that wakes it in whatever phase."""
        with self._lock:
            if self._twin is not None:
                with contextlib.suppress(OSError):
                    self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            twin, self._twin = self._twin, None
        if twin is not None:
            with contextlib.suppress(OSError):
                # Not only close(): the gateway must see it even if somebody still holds the other end of the
                # twin.
                twin.shutdown(socket.SHUT_RDWR)
            twin.close()

    def _keep(self, sock: socket.socket) -> None:
        # A duplicate, because TLS detaches the socket that was connected, and because the reading thread may
        # close its own at any time: its number could then belong to somebody else's connection.
        twin = sock.dup()
        with self._lock:
            self._twin = twin
        self.cancellation.raise_if_cancelled()

    def _resolve(self, host: str, port: int, deadline: float) -> list[Any]:
        look_up = partial(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return self._wait_for(look_up, deadline)
        return look_up()

    def _wait_for(self, look_up: Callable[[], list[Any]], deadline: float) -> list[Any]:
        """Look a name up in a thread of its own: nothing else can stop or time getaddrinfo()."""
        box: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()

        def run() -> None:
            try:
                box.put(look_up())
            except (OSError, UnicodeError):
                box.put(None)

        threading.Thread(target=run, name="chainhub-name", daemon=True).start()
        while (remaining := deadline - time.monotonic()) > 0:
            self.cancellation.raise_if_cancelled()
            with contextlib.suppress(queue.Empty):
                found = box.get(timeout=min(_GLANCE, remaining))
                if found is None:
                    raise ConnectionFailed(
                        "the gateway's name could not be resolved", kind="name_not_resolved"
                    )
                return found
        raise ConnectionFailed(
            "the gateway's name was not resolved in time", kind="connect_timeout", timed_out=True
        )

    def _reach(self, sock: socket.socket, address: Any, deadline: float) -> None:
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(address)
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            while not selector.select(min(_GLANCE, max(deadline - time.monotonic(), 0))):
                self.cancellation.raise_if_cancelled()
                if time.monotonic() >= deadline:
                    raise TimeoutError
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))


class _LinedHTTP(HTTPConnection):
    """urllib3's connection, but the line makes its socket, and learns when it is ready for the request."""

    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.line = line

    def _new_conn(self) -> socket.socket:
        # urllib3 gives no other hook between the name and the TLS handshake.
        return self.line.connect(self._dns_host.strip("[]"), self.port, self.socket_options or [])

    def connect(self) -> None:
        super().connect()
        self.line.opened(self.sock)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        self.line.sent_at = time.monotonic()
        return super().getresponse()


class _LinedHTTPS(_LinedHTTP, HTTPSConnection):
    """The same for https: in this order of classes super() above is urllib3's HTTPSConnection."""


class _HTTPPool(HTTPConnectionPool):
    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:
        self.ConnectionCls = partial(_LinedHTTP, line=line)  # type: ignore[assignment]
        super().__init__(*args, **kwargs)


class _HTTPSPool(HTTPSConnectionPool):
    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:
        self.ConnectionCls = partial(_LinedHTTPS, line=line)  # type: ignore[assignment]
        super().__init__(*args, **kwargs)


class _Adapter(HTTPAdapter):
    """Sends over one Line, with the client's SSLContext. Retries nothing (max_retries is 0 by default)."""

    def __init__(self, line: Line, context: Callable[[], ssl.SSLContext]) -> None:
        self._pools = {"http": partial(_HTTPPool, line=line), "https": partial(_HTTPSPool, line=line)}
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context()} if host["scheme"] == "https" else {}

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave the pool alone: the context already holds the bundle and demands a certificate."""


def session_over(line: Line, *, context: Callable[[], ssl.SSLContext], proxy: str | None) -> requests.Session:
    """Make the session of one request (it costs 0.05 ms). The machine's proxies and .netrc do not count."""
    session = requests.Session()
    session.trust_env = False
    adapter = _Adapter(line, context)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    return session


def ssl_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Trust `ca_bundle`, a file, or else the public authorities that come with requests."""
    context = create_urllib3_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.load_verify_locations(ca_bundle or requests.utils.DEFAULT_CA_BUNDLE_PATH)
    return context
