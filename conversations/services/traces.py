"""What SQLite keeps of removed text: free pages and its journal. Postgres overwrites in its own time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import OperationalError, connection

_PATIENCE_MS = 2_000


@contextlib.contextmanager
def overwriting() -> Iterator[None]:
    """SQLite: overwrite with zeros what is replaced, not only unlink it."""
    if connection.vendor != "sqlite":
        yield
        return
    # Some builds have it on from the start: put back what was.
    before = _pragma("secure_delete")
    _pragma("secure_delete=ON")
    try:
        yield
    finally:
        _pragma(f"secure_delete={before}")


def empty_the_journal() -> bool:
    """SQLite: move the journal into the file, for it still holds the pages as they were. False: in use."""
    if connection.vendor != "sqlite":
        return True
    # Writers wait while it waits for readers: not for long, then.
    before = _pragma("busy_timeout")
    _pragma(f"busy_timeout={_PATIENCE_MS}")
    try:
        return _pragma("wal_checkpoint(TRUNCATE)") == 0
    finally:
        _pragma(f"busy_timeout={before}")


def _pragma(text: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {text}")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def rebuild() -> bool:
    """SQLite: write the file anew, without free pages. Writers wait meanwhile; False where it is in use."""
    if connection.vendor != "sqlite":
        return True
    try:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
    except OperationalError:
        return False
    return empty_the_journal()
