"""One HTTP request and its reply, from connecting to closing: every way to fail becomes a ChainHubError."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
import urllib3

from conversations.chainhub import refusals
from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.connections import Line, Timeouts, session_over, ssl_context
from conversations.chainhub.errors import (
    ChainHubError,
    ConnectionFailed,
    StreamBroken,
    UnreadableReply,
    redact,
)

CHUNK_BYTES = 65_536
ERROR_BODY_BYTES = 256 * 1024
ERROR_BODY_SECONDS = 10.0

_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)


class Caller:
    """Who calls, and how: the key and the way to the gateway. Threads may share it."""

    def __init__(self, api_key: str, *, proxy: str | None, ca_bundle: str | None) -> None:
        self.api_key = api_key
        self.proxy = proxy
        self.ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        # Made at the first https request and kept. Two threads may both make it; either is good.
        if self._context is None:
            self._context = ssl_context(self.ca_bundle)
        return self._context

    def authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth=`, because a plain header would lose to .netrc.
        request.headers["Authorization"] = f"Bearer {self.api_key}"
        return request


class Reply:
    """The reply to one request: its status is known, its body is still to be read."""

    def __init__(
        self, response: requests.Response, line: Line, *, secret: str, close: Callable[[], None]
    ) -> None:
        self.status = response.status_code
        self.request_id = redact(response.headers.get("X-Oneapi-Request-Id", ""), secret)[:200]
        self.retry_after = response.headers.get("Retry-After")
        self.content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        self.first_byte_at: float | None = None
        self._raw = response.raw
        self._line = line
        self._close = close

    def gather(self, pause: Callable[[], float]) -> None:
        """From now on let the body gather for `pause()` seconds before each look at the network.

        A model sends its tokens one by one. To be woken for each costs more than to read it: with a hundred
        answers at once it is most of the cost.
        """
        body = getattr(getattr(getattr(self._raw, "_fp", None), "fp", None), "raw", None)
        if isinstance(body, socket.SocketIO):
            # Asked only when all that came was read, so nothing waits that is here already.
            body.readinto = partial(_read_later, body.readinto, pause)  # type: ignore[method-assign]

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raise ConnectionFailed if nothing of it comes, StreamBroken if it stops, Cancelled if that was the
        cause.
        """
        line = self._line
        line.allow_silence(line.first_byte_deadline() - time.monotonic())
        while True:
            line.cancellation.raise_if_cancelled()
            try:
                # Not iter_content(), which on a reply without chunked encoding waits for the last byte.
                chunk = self._raw.read1(CHUNK_BYTES, decode_content=True)
            except _FAILURES as error:
                raise self._failure(error) from error
            line.cancellation.raise_if_cancelled()
            if not chunk:
                return
            if self.first_byte_at is None:
                self.first_byte_at = time.monotonic()
                line.allow_silence(line.timeouts.idle)
            yield chunk

    def read(self, limit: int) -> bytes:
        """Return the whole body; raise UnreadableReply if it is longer than `limit`."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise UnreadableReply("the reply is longer than we take")
        return bytes(body)

    def read_error(self) -> bytes:
        """Return what comes of an error's body in good time: the status alone would do."""
        body = bytearray()
        deadline = time.monotonic() + ERROR_BODY_SECONDS
        self._line.shorten(ERROR_BODY_SECONDS)
        try:
            for chunk in self.chunks():
                body += chunk
                if len(body) >= ERROR_BODY_BYTES or time.monotonic() > deadline:
                    break
        except (ConnectionFailed, StreamBroken, UnreadableReply):
            pass
        return bytes(body[:ERROR_BODY_BYTES])

    def expect_end(self, is_over: bool) -> None:
        """Wait less long for what is only a tail."""
        timeouts = self._line.timeouts
        self._line.allow_silence(min(timeouts.tail, timeouts.idle) if is_over else timeouts.idle)

    def close(self) -> None:
        self._close()

    def _failure(self, error: Exception) -> ChainHubError:
        self._line.cancellation.raise_if_cancelled()
        if isinstance(error, urllib3.exceptions.DecodeError):
            return UnreadableReply("the reply is packed in a way that cannot be unpacked")
        if self.first_byte_at is None:
            return _no_answer(error)
        if _timed_out(error):
            return StreamBroken("the gateway fell silent in the middle of the answer")
        return StreamBroken("the connection broke in the middle of the answer")


def _read_later(readinto: Callable[[Any], int | None], pause: Callable[[], float], buffer: Any) -> int | None:
    time.sleep(pause())
    return readinto(buffer)


@dataclass(frozen=True)
class Call:
    """What is to be sent. `body` None is a GET; without `with_key` no key goes out."""

    url: str
    body: bytes | None = None
    with_key: bool = True


def send(call: Call, *, caller: Caller, timeouts: Timeouts, cancellation: Cancellation) -> Reply:
    """Send one request, once, and return its reply, whose status is below 300.

    Raise StatusError for 400 and above, UnreadableReply for a redirect, ConnectionFailed, Cancelled.
    """
    cancellation.raise_if_cancelled()
    line = Line(timeouts, cancellation)
    session = session_over(line, context=caller.context, proxy=caller.proxy)
    response: requests.Response | None = None

    def close() -> None:
        cancellation.forget(line.cut)
        line.close()
        if response is not None:
            response.close()
        session.close()

    cancellation.watch(line.cut)
    request_id = ""
    try:
        response = _request(session, call, caller, timeouts, line)
        reply = Reply(response, line, secret=caller.api_key, close=close)
        request_id = reply.request_id
        _raise_for_status(reply)
    except BaseException as error:
        close()
        if isinstance(error, ChainHubError):
            error.sign(request_id=request_id, secret=caller.api_key)
        raise
    return reply


def _request(
    session: requests.Session, call: Call, caller: Caller, timeouts: Timeouts, line: Line
) -> requests.Response:
    try:
        return session.request(
            "GET" if call.body is None else "POST",
            call.url,
            data=call.body,
            headers=_headers(call),
            auth=caller.authorise if call.with_key else None,
            stream=True,
            # A redirected POST becomes a GET that carries the key; a 307 hands over the question too.
            allow_redirects=False,
            timeout=(timeouts.connect, timeouts.first_byte),
        )
    except _FAILURES as error:
        line.cancellation.raise_if_cancelled()
        # Without a dialled line it is a mock that speaks, and its read timeout means what it says. (A real
        # one comes out of the TLS handshake too.)
        is_mocked = isinstance(error, requests.ReadTimeout) and not line.is_dialled
        raise _no_answer(error) if line.is_open or is_mocked else _not_made(error) from error


def _headers(call: Call) -> Mapping[str, str]:
    headers = {
        "Accept": "application/json",
        # Packed replies come in blocks, which would hold text back.
        "Accept-Encoding": "identity",
        "Connection": "close",
        "User-Agent": "chainhub-web",
    }
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _raise_for_status(reply: Reply) -> None:
    if reply.status >= 400:
        raise refusals.status_error(reply.status, reply.read_error(), retry_after=reply.retry_after)
    if reply.status >= 300:
        raise UnreadableReply(
            f"The gateway answered with a redirect ({reply.status}), which is not followed.",
            kind="redirected",
            may_be_billed=False,
        )


def _not_made(error: Exception) -> ConnectionFailed:
    """The request never left: nothing can have been billed. (Line names most causes itself.)"""
    if isinstance(error, requests.exceptions.ProxyError):
        return ConnectionFailed("the proxy did not connect to the gateway", kind="proxy_failed")
    if isinstance(error, requests.exceptions.SSLError):
        # The next try would meet the same certificate.
        return ConnectionFailed(
            "no secure connection to the gateway: its certificate is not trusted, or it does not speak TLS",
            kind="tls_failed",
            retryable=False,
        )
    if isinstance(error, ValueError):
        return ConnectionFailed("the gateway's address cannot be used", kind="bad_address", retryable=False)
    if _timed_out(error):
        return ConnectionFailed("the gateway did not connect in time", kind="connect_timeout", timed_out=True)
    return ConnectionFailed("the gateway refused the connection")


def _no_answer(error: Exception) -> ConnectionFailed:
    if _timed_out(error):
        return ConnectionFailed(
            "the gateway did not begin to answer in time",
            kind="first_byte_timeout",
            sent=True,
            timed_out=True,
        )
    return ConnectionFailed(
        "the gateway closed the connection without an answer", kind="connection_lost", sent=True
    )


def _timed_out(error: BaseException | None) -> bool:
    """Whether a timeout is at the root: requests and urllib3 wrap it in errors of other names."""
    while error is not None:
        if isinstance(error, TimeoutError | requests.Timeout):
            return True
        error = error.__cause__ or error.__context__
    return False
