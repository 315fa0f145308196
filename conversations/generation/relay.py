"""From the log of steps to the pages that are open: one hub per process, one viewer per open page.

What is shown is what is committed. The writer of the same process tells the hub directly; what other
processes commit, the tailer finds in the log, in one look for all viewers. A viewer that lost count (a
slow reader, a gap, a reconnect) reads the log itself, from its cursor.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, close_old_connections

from conversations.generation.writer import CommittedStep
from conversations.models import Conversation, Generation, GenerationEvent, User
from conversations.services import wakeups

logger = logging.getLogger(__name__)

# Steps that a slow reader may lag behind before it has to read the log.
QUEUE_LIMIT = 500
_POLL = 0.05
_IDLE_POLL = 1.0


@dataclass(frozen=True)
class Look:
    """Something but a step changed: the viewer has to look at the rows."""


@dataclass(frozen=True)
class ListChanged:
    """What the sidebar lists for this person may have changed."""


Item = CommittedStep | Look | ListChanged


class Viewer:
    """One open page. Its queue is bounded: beyond the limit it is emptied, and the log asked.

    `conversation_id` is None for a page that shows no conversation, `person_id` where nobody's list is told.
    """

    def __init__(self, conversation_id: int | None, person_id: int | None = None) -> None:
        self.conversation_id = conversation_id
        self.person_id = person_id
        self._condition = threading.Condition()
        self._queue: deque[Item] = deque()
        self.is_closed = False

    def put(self, item: Item) -> None:
        with self._condition:
            if len(self._queue) >= QUEUE_LIMIT:
                self._queue.clear()
                self._queue.append(Look())
                item = ListChanged()
            self._queue.append(item)
            self._condition.notify()

    def take(self, *, timeout: float) -> list[Item]:
        """Return what came, after `timeout` seconds an empty list."""
        with self._condition:
            self._condition.wait_for(lambda: self._queue or self.is_closed, timeout)
            items = list(self._queue)
            self._queue.clear()
            return items

    def close(self) -> None:
        with self._condition:
            self.is_closed = True
            self._condition.notify()


class Hub:
    """Who looks at which conversation in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._viewers: dict[int, set[Viewer]] = defaultdict(set)
        self._lists: dict[int, set[Viewer]] = defaultdict(set)
        self._per_person: dict[int, int] = defaultdict(int)
        self.closing = threading.Event()
        self._tailer: Tailer | None = None
        # The last step of each running generation that this process was told of.
        self.seen: dict[int, int] = {}
        # The engine of this very process tells the hub by itself.
        self.own_engine: UUID | None = None

    def admit(self, person_id: int, *, most: int, most_each: int) -> bool:
        """Let one more stream in, or not: `most` of everybody, `most_each` of one person. See `release`."""
        with self._lock:
            of_all, own = sum(self._per_person.values()), self._per_person.get(person_id, 0)
            if self.is_closed or of_all >= most or own >= most_each:
                return False
            # Counted with the look, not with the first byte: two hundred at once must not all find room.
            self._per_person[person_id] += 1
            return True

    def release(self, person_id: int) -> None:
        """Give the place of an admitted stream back."""
        with self._lock:
            self._per_person[person_id] -= 1
            if self._per_person[person_id] <= 0:
                self._per_person.pop(person_id, None)

    @property
    def admitted(self) -> int:
        with self._lock:
            return sum(self._per_person.values())

    @property
    def is_closed(self) -> bool:
        return self.closing.is_set()

    def join(self, viewer: Viewer) -> None:
        with self._lock:
            if viewer.conversation_id is not None:
                self._viewers[viewer.conversation_id].add(viewer)
            if viewer.person_id is not None:
                self._lists[viewer.person_id].add(viewer)
            if self.is_closed:
                viewer.close()
            elif self._tailer is None:
                self._tailer = Tailer(self)
                self._tailer.start()
                wakeups.listen(self._woken)

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            for places, key in (self._viewers, viewer.conversation_id), (self._lists, viewer.person_id):
                if key is not None and key in places:
                    places[key].discard(viewer)
                    if not places[key]:
                        del places[key]

    def watched(self) -> list[int]:
        with self._lock:
            return list(self._viewers)

    def people(self) -> list[int]:
        """Return whose lists are open somewhere."""
        with self._lock:
            return list(self._lists)

    def publish(self, steps: Iterable[CommittedStep]) -> None:
        """Hand committed steps to those who look."""
        for step in steps:
            with self._lock:
                self.seen[step.generation_id] = max(step.seq, self.seen.get(step.generation_id, 0))
                viewers = tuple(self._viewers.get(step.conversation_id, ()))
            for viewer in viewers:
                viewer.put(step)

    def look(self, conversation_id: int) -> None:
        """Have everybody who sees this conversation look at its rows."""
        with self._lock:
            viewers = tuple(self._viewers.get(conversation_id, ()))
        for viewer in viewers:
            viewer.put(Look())

    def look_at_list(self, person_id: int) -> None:
        """Have every open page of a person look at what the sidebar lists."""
        with self._lock:
            viewers = tuple(self._lists.get(person_id, ()))
        for viewer in viewers:
            viewer.put(ListChanged())

    def forget(self, unfinished: set[int]) -> None:
        """Drop the counts of generations that have ended."""
        with self._lock:
            self.seen = {pk: seq for pk, seq in self.seen.items() if pk in unfinished}

    def close(self) -> None:
        """End every stream: the process is about to go."""
        with self._lock:
            self.closing.set()
            groups = (*self._viewers.values(), *self._lists.values())
            viewers = {viewer for group in groups for viewer in group}
        for viewer in viewers:
            viewer.close()

    def reopen(self) -> None:
        """Begin anew, for the next test: no thread of the last one may touch its database."""
        self.close()
        if self._tailer:
            self._tailer.join(5)
            wakeups.leave(self._woken)
        self._tailer = None
        self.seen = {}
        self._per_person.clear()
        self.closing.clear()

    def _woken(self, topic: str) -> None:
        if (conversation_id := wakeups.conversation_of(topic)) is not None:
            self.look(conversation_id)
        elif (person_id := wakeups.list_of(topic)) is not None:
            self.look_at_list(person_id)


class Tailer(threading.Thread):
    """Finds what other processes committed: one look for all viewers, often only while something runs."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(name="relay-tailer", daemon=True)
        self._hub = hub
        self._revisions: dict[int, int] = {}
        self._lists: dict[int, datetime | None] = {}
        self._lists_seen_at = 0.0
        self._unfinished: dict[int, int] = {}

    def run(self) -> None:
        while not self._hub.is_closed:
            pause = _IDLE_POLL
            try:
                if watched := self._hub.watched():
                    pause = _POLL if self._look(watched) else _IDLE_POLL
                if time.monotonic() - self._lists_seen_at >= _IDLE_POLL:
                    self._lists_seen_at = time.monotonic()
                    self._tell_of_lists(self._hub.people())
            except DatabaseError:
                logger.exception("The relay could not read the log")
                close_old_connections()
            self._hub.closing.wait(pause)
        close_old_connections()

    def _look(self, watched: list[int]) -> bool:
        """Pass on what is new; return whether another process is making an answer that somebody watches."""
        own = self._hub.own_engine
        rows = Generation.objects.unfinished().filter(message__conversation__in=watched)
        unfinished, others = {}, {}
        for pk, conversation, maker in rows.values_list("pk", "message__conversation_id", "lease_owner"):
            unfinished[pk] = conversation
            # What is queued here is soon made here, where there is an engine.
            if maker != own if maker else own is None:
                others[pk] = conversation
        if others:
            self._publish_new_steps(others)
        self._tell_of_ends_and_changes(watched, unfinished)
        return bool(others)

    def _publish_new_steps(self, others: dict[int, int]) -> None:
        seen = dict(self._hub.seen)
        # The counts differ by generation; the smallest bounds the look, the rest is dropped below.
        lowest = min(seen.get(pk, 0) for pk in others)
        fresh = GenerationEvent.objects.filter(generation__in=others, seq__gt=lowest)
        rows = fresh.order_by("generation", "seq").values_list("generation_id", "seq", "data")
        self._hub.publish(
            CommittedStep(others[pk], pk, seq, data) for pk, seq, data in rows if seq > seen.get(pk, 0)
        )

    def _tell_of_ends_and_changes(self, watched: list[int], unfinished: dict[int, int]) -> None:
        for pk, conversation_id in self._unfinished.items():
            if pk not in unfinished:
                self._hub.look(conversation_id)
        self._unfinished = unfinished
        self._hub.forget(set(unfinished))
        revisions = dict(Conversation.objects.filter(pk__in=watched).values_list("pk", "revision"))
        for pk, revision in revisions.items():
            # Also at the first sight of it: a page that came since the last look may have read an older one.
            if self._revisions.get(pk) != revision:
                self._hub.look(pk)
        self._revisions = revisions

    def _tell_of_lists(self, people: list[int]) -> None:
        if not people:
            return
        lists = dict(User.objects.filter(pk__in=people).values_list("pk", "list_changed_at"))
        for pk, changed_at in lists.items():
            if pk not in self._lists or self._lists[pk] != changed_at:
                self._hub.look_at_list(pk)
        self._lists = lists


hub = Hub()
