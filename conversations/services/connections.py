"""Connections to the database of threads that wait for a long time."""

from __future__ import annotations

from django.db import connection, connections


def let_go() -> None:
    """Give this thread's connection back before it waits for a model or a page, perhaps for minutes.

    On Postgres it is one of a pool's few. On SQLite it is a file handle, dearer to open again than to keep.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()


def close_before_a_fork() -> None:
    """Let no child inherit a connection: two processes on one would mix their answers.

    Nor a pool: its connections would be shared all the same, and the threads that fill it stay behind.
    """
    connections.close_all()
    for each in connections.all(initialized_only=True):
        if each.vendor == "postgresql":
            each.close_pool()  # type: ignore[attr-defined]
