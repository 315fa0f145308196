"""Work that weighs: one piece at a time for each person, so that nobody's fifty hold up another's one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from conversations.services.errors import Refused

# Each that waits holds one of the server's threads.
_WAITING_PER_PERSON = 4
_PATIENCE = 60  # seconds

_changed = threading.Condition()
_waiting: Counter[int] = Counter()
_busy: set[int] = set()


@contextmanager
def turn_of(person_id: int) -> Iterator[None]:
    """Wait until the person's earlier picture is done. Raise Refused where too many wait already."""
    with _changed:
        if _waiting[person_id] >= _WAITING_PER_PERSON:
            raise Refused("Several of your pictures are being prepared. Try this one again in a moment.")
        _waiting[person_id] += 1
        try:
            is_free = _changed.wait_for(lambda: person_id not in _busy, timeout=_PATIENCE)
        finally:
            _waiting[person_id] -= 1
            if not _waiting[person_id]:
                del _waiting[person_id]
        if not is_free:
            raise Refused("Your earlier picture is still being prepared. Try this one again in a moment.")
        _busy.add(person_id)
    try:
        yield
    finally:
        with _changed:
            _busy.discard(person_id)
            _changed.notify_all()
