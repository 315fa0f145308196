"""Just enough HTTP/1.1 to serve one client on loopback.

Not http.server: it pulls in ssl and email, and with them 8 MB and half of the time to start.
"""

from __future__ import annotations

import os
import time
import zlib
from dataclasses import dataclass
from io import BufferedIOBase

from conversations.practice.peer import Peer
from conversations.practice.refusals import Refusal

_LARGEST_LINE = 65_536
_MOST_HEADERS = 200
LARGEST_BODY = 128 * 1024 * 1024
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    413: "Request Entity Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


class BadRequest(Exception):
    """What came is not HTTP; the connection is of no more use."""


@dataclass(frozen=True)
class HttpRequest:
    method: str
    path: str
    headers: dict[str, str]
    keeps_alive: bool
    # HTTP/1.0 knows no chunks: there the end of the connection ends a stream.
    knows_chunks: bool


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"


def read_head(source: BufferedIOBase) -> HttpRequest | None:
    """Return the next request without its body; None where the client is done. Raise BadRequest."""
    line = source.readline(_LARGEST_LINE + 1)
    while line in (b"\r\n", b"\n"):
        line = source.readline(_LARGEST_LINE + 1)
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not line.endswith(b"\n"):
        raise BadRequest
    headers: dict[str, str] = {}
    while (line := source.readline(_LARGEST_LINE + 1)) not in (b"\r\n", b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not line.endswith(b"\n") or len(headers) >= _MOST_HEADERS:
            raise BadRequest
        headers[name.strip().lower()] = value.strip()
    modern = words[2] != "HTTP/1.0"
    return HttpRequest(
        method=words[0],
        path=words[1].partition("?")[0],
        headers=headers,
        keeps_alive=modern and headers.get("connection", "").lower() != "close",
        knows_chunks=modern,
    )


def read_body(source: BufferedIOBase, request: HttpRequest, peer: Peer) -> bytes:
    """Raise Refusal for a body over the limit, BadRequest for one that makes no sense."""
    if request.headers.get("expect", "").lower() == "100-continue":
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    if request.headers.get("transfer-encoding", "").lower() == "chunked":
        body = _read_chunks(source)
    else:
        length = request.headers.get("content-length", "0")
        if not length.isdecimal():
            raise BadRequest
        body = _read_exactly(source, _allowed(int(length)))
    return _unzipped(body) if request.headers.get("content-encoding") == "gzip" else body


def _allowed(length: int) -> int:
    if length > LARGEST_BODY:
        raise Refusal(413, "http: request body too large", code="read_request_body_failed")
    return length


def _read_exactly(source: BufferedIOBase, length: int) -> bytes:
    body = source.read(length)
    if len(body) < length:
        raise BadRequest
    return body


def _read_chunks(source: BufferedIOBase) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int(source.readline(_LARGEST_LINE).partition(b";")[0], 16)
        except ValueError:
            raise BadRequest from None
        if size < 0:
            raise BadRequest
        if size == 0:
            while source.readline(_LARGEST_LINE) not in (b"\r\n", b"\n", b""):
                pass  # trailers
            return bytes(body)
        _allowed(len(body) + size)
        body += _read_exactly(source, size)
        source.readline(_LARGEST_LINE)


def _unzipped(body: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        # One byte more than is allowed shows what is too large without unpacking all of it.
        unzipped = unzip.decompress(body, LARGEST_BODY + 1)
    except zlib.error:
        raise Refusal(400, "invalid gzip body") from None
    _allowed(len(unzipped))
    if not unzip.eof:
        raise Refusal(400, "invalid gzip body")
    return unzipped


def new_request_id() -> str:
    """As the gateway makes them: the time to the nanosecond, then eight characters."""
    now = time.time_ns()
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now // 1_000_000_000))
    return f"{stamp}{now % 1_000_000_000:09d}{os.urandom(4).hex()}"


def head(
    status: int,
    content_type: str,
    *,
    request_id: str,
    length: int | None,
    closes: bool,
    chunked: bool = False,
) -> bytes:
    """The head of an answer; `length` None for a stream: in chunks where the client knows them."""
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}",
        f"Content-Type: {content_type}",
        f"X-Oneapi-Request-Id: {request_id}",
        "X-New-Api-Version: practice",
    ]
    if content_type.startswith("text/event-stream"):
        lines += ["Cache-Control: no-cache", "X-Accel-Buffering: no"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    elif chunked:
        lines.append("Transfer-Encoding: chunked")
    if closes:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()
