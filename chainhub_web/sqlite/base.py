"""Transactions of one process take turns before SQLite sees them.

SQLite lets one transaction write at a time. Whoever finds the place taken sleeps for up to 100 ms and looks
again, in no order: with a hundred answers running, some wait for seconds while others pass. Here the threads
of a process stand in a line of their own, and are woken the moment that it is their turn. Between processes
SQLite's own waiting remains (its `timeout` in the settings).
"""

from __future__ import annotations

import threading
from typing import Any

from django.db.backends.sqlite3 import base

# As long as SQLite itself would wait. Then it is asked all the same, and says "database is locked".
_PATIENCE = 20.0
_place = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """Holds the place from BEGIN IMMEDIATE to the end of the transaction, however it ends."""

    _has_place = False

    def _start_transaction_under_autocommit(self) -> None:
        self._has_place = _place.acquire(timeout=_PATIENCE)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._leave_place()
            raise

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc]
        finally:
            self._leave_place()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._leave_place()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self._leave_place()

    def _leave_place(self) -> None:
        if self._has_place:
            self._has_place = False
            _place.release()
