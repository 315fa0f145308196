"""The same work in many threads at once, against a database of a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def side_by_side(*works: Callable[[], Any]) -> list[Any]:
    """Begin all of them together; return what each returned. What one raises fails the test."""
    ready = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)
    faults: list[BaseException] = []

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            ready.wait(10)
            results[number] = work()
        except BaseException as fault:  # noqa: BLE001 - told to the test below
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    return results
