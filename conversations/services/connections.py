"""Connections to the database of threads that wait for a long time."""

from __future__ import annotations

from django.db import connection


def let_go() -> None:
    """Give this thread's connection back before it waits for a model or a page, perhaps for minutes.

    On Postgres it is one of a pool's few. On SQLite it is a file handle, dearer to open again than to keep.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()
