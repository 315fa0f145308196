"""One writer per process puts the steps of all running answers into the database, many in one commit."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, IntegrityError, close_old_connections, connection, transaction

from conversations.generation.drafting import Draft
from conversations.models import GenerationEvent

logger = logging.getLogger(__name__)

# A step at once when nothing was written lately, else this far apart: at most 16 commits a second. Each
# answer that grows at the same time adds a little: every step of every answer wakes its readers, and that is
# what many answers cost.
INTERVAL = 0.06
_PER_ANSWER = 0.001
_LONGEST_INTERVAL = 0.25
_RETRY_AFTER = 1.0
_INSERT = f"INSERT INTO {GenerationEvent._meta.db_table} (generation_id, seq, data) VALUES (%s, %s, %s)"  # noqa: S608


@dataclass(frozen=True)
class CommittedStep:
    """A step that is in the database: what may be shown."""

    conversation_id: int
    generation_id: int
    seq: int
    data: dict[str, Any]


class Writer(threading.Thread):
    """Collects from the drafts that have news, commits, and tells `publish` what is committed."""

    def __init__(self, publish: Callable[[list[CommittedStep]], None]) -> None:
        super().__init__(name="engine-writer", daemon=True)
        self._publish = publish
        self._condition = threading.Condition()
        self._dirty: dict[int, Draft] = {}
        self._uncommitted: list[CommittedStep] = []
        self._is_urgent = False
        self._stopping = False
        # How far apart steps are just now. To read the gateway's stream more often would be for nobody.
        self.interval = INTERVAL
        self._answers = 0
        # Held for a whole tick, so that a retired draft can't be in the middle of one.
        self._tick_lock = threading.Lock()

    def note(self, draft: Draft, *, is_urgent: bool = False) -> None:
        """Say that `draft` has news. An urgent one (a first word) waits for no interval."""
        with self._condition:
            self._dirty[draft.generation_id] = draft
            self._is_urgent = self._is_urgent or is_urgent
            self._condition.notify()

    def retire(self, draft: Draft) -> None:
        """Write no more of `draft`: its generation is about to become final."""
        with self._tick_lock:
            draft.is_retired = True
            self._uncommitted = [
                step for step in self._uncommitted if step.generation_id != draft.generation_id
            ]
            with self._condition:
                self._dirty.pop(draft.generation_id, None)

    @contextmanager
    def settling(self, draft: Draft) -> Iterator[None]:
        """Write nothing of `draft` meanwhile, and forget what was not written: its text is being stored."""
        with self._tick_lock:
            self._uncommitted = [s for s in self._uncommitted if s.generation_id != draft.generation_id]
            with self._condition:
                self._dirty.pop(draft.generation_id, None)
            yield

    def stop(self) -> None:
        with self._condition:
            self._stopping = True
            self._condition.notify()

    def run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._dirty or self._uncommitted or self._stopping)
                if self._stopping:
                    break
                self._is_urgent = False
            began = time.monotonic()
            committed = self._tick()
            took = time.monotonic() - began
            wanted = max(INTERVAL + _PER_ANSWER * self._answers, 3 * took)
            self.interval = min(wanted, _LONGEST_INTERVAL) if committed else _RETRY_AFTER
            with self._condition:
                self._condition.wait_for(
                    lambda: self._is_urgent or self._stopping, max(0.0, self.interval - took)
                )
        close_old_connections()

    def _tick(self) -> bool:
        with self._tick_lock:
            with self._condition:
                dirty, self._dirty = self._dirty, {}
            self._answers = len(dirty)
            for draft in dirty.values():
                if not draft.is_retired and (data := draft.take()):
                    draft.seq += 1
                    step = CommittedStep(draft.conversation_id, draft.generation_id, draft.seq, data)
                    self._uncommitted.append(step)
            steps, self._uncommitted = self._uncommitted, []
            if not steps:
                return True
            try:
                self._commit(steps)
            except IntegrityError:
                # One of them has lost its generation. That must not hold up all the others for ever.
                steps = [step for step in steps if self._is_committed_alone(step)]
            except DatabaseError:
                # A full disk, a locked database: the steps stay in memory, in order, for the next tick.
                logger.exception("The steps of %d running answers could not be written", len(steps))
                self._uncommitted = steps
                return False
        self._publish(steps)
        return True

    def _is_committed_alone(self, step: CommittedStep) -> bool:
        try:
            self._commit([step])
        except IntegrityError:
            logger.warning("Step %d of generation %d has no place any more", step.seq, step.generation_id)
            return False
        return True

    @staticmethod
    def _commit(steps: list[CommittedStep]) -> None:
        # Plain SQL: sixteen times a second for as long as anybody writes, the ORM would be most of the cost.
        rows = [(step.generation_id, step.seq, json.dumps(step.data, ensure_ascii=False)) for step in steps]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)
