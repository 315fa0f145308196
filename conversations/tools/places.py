"""How many tools this process runs at once, those included that nobody waits for any more.

A thread can't be ended from outside. Without a limit, a tool that hangs would cost a thread per call.
"""

from __future__ import annotations

import threading
from collections import Counter


class Places:
    """Places for `limit` tools, of which one person takes at most `per_person`."""

    def __init__(self, *, limit: int, per_person: int) -> None:
        self._limit = limit
        self._per_person = per_person
        self._lock = threading.Lock()
        self._taken: Counter[int] = Counter()

    def take(self, person_id: int) -> bool:
        """Take a place if there is one."""
        with self._lock:
            if self._taken.total() >= self._limit or self._taken[person_id] >= self._per_person:
                return False
            self._taken[person_id] += 1
            return True

    def leave(self, person_id: int) -> None:
        with self._lock:
            self._taken[person_id] -= 1
            # A counter keeps what was counted down to nothing.
            if not self._taken[person_id]:
                del self._taken[person_id]

    @property
    def taken(self) -> int:
        with self._lock:
            return self._taken.total()


# A person's hanging tools hold up their own next ones, and nobody else's.
everyones = Places(limit=128, per_person=32)
