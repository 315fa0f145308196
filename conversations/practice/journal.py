"""What the practice gateway saw: for tests, which ask afterwards what was sent and how it ended."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

ANSWERED = "answered"
CUT = "cut"
WENT_AWAY = "client went away"

_REQUESTS_KEPT = 500
_BODY_KEPT = 100_000
_SECRETS = ("authorization", "x-api-key", "x-goog-api-key", "cookie")


class Entry:
    """One request. Changed by the thread that answers it; read by anybody."""

    def __init__(self, *, method: str, path: str, headers: Mapping[str, str]) -> None:
        self.method = method
        self.path = path
        self.headers = {name: value for name, value in headers.items() if name not in _SECRETS}
        self.has_key = any(name in headers for name in _SECRETS[:3])
        self.body_bytes = 0
        # As text: the parsed objects would take five times the memory, 500 times over.
        self._body = "null"
        self.status: int | None = None
        self.request_id = ""
        self.tokens = 0
        self.started_at = time.time()
        self.finished_at: float | None = None
        self.ended: str | None = None

    def note_body(self, body: bytes) -> None:
        self.body_bytes = len(body)
        self._body = _shortened(body)

    def end(self, how: str) -> None:
        self.finished_at = time.time()
        self.ended = how

    def as_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "has_key": self.has_key,
            "body": json.loads(self._body),
            "body_bytes": self.body_bytes,
            "status": self.status,
            "request_id": self.request_id,
            "tokens": self.tokens,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "ended": self.ended,
        }


class Journal:
    """The last requests, and how many connections there are and were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=_REQUESTS_KEPT)
        self._tries: Counter[str] = Counter()
        self._open = 0
        self._closed = 0

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)

    def connected(self) -> None:
        with self._lock:
            self._open += 1

    def disconnected(self) -> None:
        with self._lock:
            self._open -= 1
            self._closed += 1

    @property
    def open(self) -> int:
        return self._open

    @property
    def answers(self) -> int:
        """How many requests got something from a model."""
        with self._lock:
            return sum(entry.tokens > 0 for entry in self._entries)

    def count_try(self, text: str) -> int:
        """Return how often this text came, this time included."""
        with self._lock:
            if len(self._tries) > 10_000:
                self._tries.clear()
            self._tries[text] += 1
            return self._tries[text]

    def as_json(self, *, without_mine: bool = False) -> dict[str, Any]:
        """`without_mine` leaves out the connection that asks."""
        with self._lock:
            entries = list(self._entries)
            connections = {"open": self._open - without_mine, "closed": self._closed}
        return {"requests": [entry.as_json() for entry in entries], "connections": connections}

    def clear(self) -> None:
        """Forget the requests, the closed connections and the tries; what is open stays counted."""
        with self._lock:
            self._entries.clear()
            self._tries.clear()
            self._closed = 0


def _shortened(body: bytes) -> str:
    """The body as JSON text of at most 100 KB: long strings first lose their ends, then all its shape."""
    try:
        found = json.loads(body) if body else None
        text = json.dumps(found)
        if len(text) > _BODY_KEPT:
            text = json.dumps(_cut_strings(found))
    except (ValueError, RecursionError):
        text = json.dumps(body[:1000].decode(errors="replace"))
    if len(text) > _BODY_KEPT:
        text = json.dumps(f"{text[: _BODY_KEPT // 4]}… ({len(body):,} bytes)")
    return text


def _cut_strings(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 500:
        return f"{value[:200]}… ({len(value):,} characters)"
    if isinstance(value, list):
        return [_cut_strings(item) for item in value]
    if isinstance(value, dict):
        return {key: _cut_strings(item) for key, item in value.items()}
    return value
