"""Connections of a process to Postgres: enough for its threads, and none that a child would inherit."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from conversations.models import User
from conversations.services import connections

pytestmark = [
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no pool"),
    pytest.mark.django_db(transaction=True),
]
# What the engine keeps for itself, and a few people's requests.
THREADS = 12


def test_the_engine_and_its_pages_get_a_connection_each() -> None:
    together, counted = threading.Barrier(THREADS), []

    def ask() -> None:
        try:
            counted.append(User.objects.count())
            together.wait(timeout=20)
        except threading.BrokenBarrierError:
            counted.clear()
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted == [0] * THREADS


def test_a_fork_finds_no_pool_and_whoever_asks_next_makes_one() -> None:
    User.objects.count()
    pool = connection.pool  # type: ignore[attr-defined]

    connections.close_before_a_fork()

    assert pool.closed
    assert User.objects.count() == 0
    assert connection.pool is not pool  # type: ignore[attr-defined]
