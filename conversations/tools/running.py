"""Tools at work: each in a thread of its own, several at once, none of them able to hold up a turn.

Python can't end a thread. A tool that hangs is left behind: its daemon thread goes on, holds its place
(conversations.tools.places), closes its database connection whenever it ends, and its result is dropped.
`Asked.is_given_up` is how a tool that works in steps learns of it. One that spins in Python shares the
interpreter with everybody; one that stays inside a C function that keeps the interpreter's lock (int
arithmetic on huge numbers, a hopeless regular expression) stops even the clock here: such a tool bounds
its own input.

Approvals are the engine's: what comes here is run.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from conversations.models import Conversation, ToolCallState, User
from conversations.services.errors import Refused
from conversations.tools import arguments, outcomes, places, working
from conversations.tools.outcomes import Outcome
from conversations.tools.registry import Asked, Tool
from conversations.tools.working import SoundCall, World

__all__ = ["OnChange", "Outcome", "Wanted", "run", "run_side_by_side"]

logger = logging.getLogger(__name__)

# Tools of one turn that run at the same time; further ones wait for their place.
SIDE_BY_SIDE = 8
# How long a call waits for a place while tools that were left behind hold them all.
PLACE_SECONDS = 30.0
# News of a tool wakes at once; a stop is seen this much later.
_LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Wanted:
    """One call as a model asked for it. `key` is whatever tells it from the other calls of its round."""

    key: Hashable
    name: str
    arguments_text: str


OnChange = Callable[[Any, ToolCallState, Outcome | None], None]


def run(
    tool: Tool,
    arguments_text: str,
    *,
    person: User,
    conversation: Conversation,
    now: datetime,
    stopped: threading.Event | None = None,
    secrets: Collection[str] = (),
) -> Outcome:
    """Run one tool in the rights of `person`; return within its time limit, whatever it does."""
    wanted = Wanted("", tool.name, arguments_text)
    ended = run_side_by_side(
        [wanted],
        tools=[tool],
        person=person,
        conversation=conversation,
        now=now,
        stopped=stopped,
        secrets=secrets,
    )
    return ended[""]


def run_side_by_side(
    wanted: Sequence[Wanted],
    *,
    tools: Sequence[Tool],
    person: User,
    conversation: Conversation,
    now: datetime,
    on_change: OnChange | None = None,
    stopped: threading.Event | None = None,
    secrets: Collection[str] = (),
) -> dict[Any, Outcome]:
    """Run several calls at once; return how each ended, by key.

    `tools` are those that this turn may use; a call of any other fails. `on_change(key, state, outcome)`
    is called in this thread: with RUNNING before the tool begins (so that what a killed server leaves
    queued never began), with the outcome as soon as it is there. `secrets` are cut out of results and
    errors. Set, `stopped` ends the waiting. Not for the inside of a transaction: tools read through
    connections of their own.
    """
    world = World(person, conversation, now, stopped or threading.Event(), tuple(secrets), places.everyones)
    return _Round(wanted, {tool.name: tool for tool in tools}, world, on_change).run()


@dataclass(frozen=True)
class _Begun:
    call: SoundCall
    asked: Asked
    at: float


class _Round:
    """The calls of one round. Everything happens in the calling thread but the tools themselves."""

    def __init__(
        self, wanted: Sequence[Wanted], tools: dict[str, Tool], world: World, on_change: OnChange | None
    ) -> None:
        self._wanted = wanted
        self._tools = tools
        self._world = world
        self._on_change = on_change
        self._queued: deque[SoundCall] = deque()
        self._begun: dict[Hashable, _Begun] = {}
        self._news: queue.SimpleQueue[tuple[Hashable, Outcome]] = queue.SimpleQueue()
        self._outcomes: dict[Hashable, Outcome] = {}
        self._moved_at = time.monotonic()

    def run(self) -> dict[Hashable, Outcome]:
        if len({call.key for call in self._wanted}) != len(self._wanted):
            raise ValueError("Two calls have the same key")
        try:
            self._check_all()
            while self._queued or self._begun:
                if self._world.stopped.is_set():
                    self._stop()
                else:
                    self._begin_more()
                    self._hear()
                    self._give_up_the_late()
        finally:
            # However this ends, nobody waits for what still runs.
            for begun in self._begun.values():
                begun.asked.stopped.set()
        return self._outcomes

    def _check_all(self) -> None:
        for call in self._wanted:
            try:
                tool = self._tools.get(call.name)
                if tool is None:
                    raise Refused(outcomes.no_such_tool(self._tools))
                self._queued.append(
                    SoundCall(call.key, tool, arguments.read(call.arguments_text, tool.parameters))
                )
            except Refused as refusal:
                self._end(call.key, outcomes.failed(str(refusal), None))

    def _begin_more(self) -> None:
        while self._queued and len(self._begun) < SIDE_BY_SIDE and not self._world.stopped.is_set():
            if not self._world.places.take(self._world.person.pk):
                if not self._begun and time.monotonic() - self._moved_at > PLACE_SECONDS:
                    self._end_queued(ToolCallState.FAILED, outcomes.NO_PLACE)
                return
            self._begin(self._queued.popleft())

    def _begin(self, call: SoundCall) -> None:
        began = False
        try:
            self._say(call.key, ToolCallState.RUNNING, None)
            at = time.monotonic()
            asked = Asked(
                person=self._world.person,
                conversation=self._world.conversation,
                arguments=call.arguments,
                now=self._world.now,
                deadline=at + call.tool.seconds,
            )
            began = working.begin(call, asked, self._world, self._news.put)
        finally:
            # From its beginning on, the tool itself leaves its place.
            if not began:
                self._world.places.leave(self._world.person.pk)
        if began:
            self._begun[call.key] = _Begun(call, asked, at)
        else:
            self._end(call.key, outcomes.failed(outcomes.BROKE, call.arguments))

    def _hear(self) -> None:
        """Wait a moment for the next outcome, and take all that are there."""
        wait = _LOOK_EVERY
        if self._begun:
            wait = min(wait, *(begun.asked.seconds_left for begun in self._begun.values()))
        try:
            self._take(*self._news.get(timeout=wait))
            while True:
                self._take(*self._news.get_nowait())
        except queue.Empty:
            return

    def _take(self, key: Hashable, outcome: Outcome) -> None:
        if begun := self._begun.pop(key, None):
            self._end(key, replace(outcome, seconds=round(time.monotonic() - begun.at, 3)))

    def _give_up_the_late(self) -> None:
        for key, begun in list(self._begun.items()):
            if not begun.asked.seconds_left:
                limit = begun.call.tool.seconds
                logger.warning("Tool %s is left behind after %s s", begun.call.tool.name, limit)
                self._give_up(key, ToolCallState.FAILED, outcomes.too_slow(limit))

    def _stop(self) -> None:
        while not self._news.empty():
            self._take(*self._news.get_nowait())
        for key in list(self._begun):
            self._give_up(key, ToolCallState.STOPPED, outcomes.STOPPED)
        self._end_queued(ToolCallState.STOPPED, outcomes.STOPPED_EARLY)

    def _give_up(self, key: Hashable, state: ToolCallState, error: str) -> None:
        begun = self._begun.pop(key)
        begun.asked.stopped.set()
        seconds = round(time.monotonic() - begun.at, 3)
        self._end(key, outcomes.left(state, error, begun.call.arguments, seconds=seconds))

    def _end_queued(self, state: ToolCallState, error: str) -> None:
        while self._queued:
            call = self._queued.popleft()
            self._end(call.key, outcomes.left(state, error, call.arguments))

    def _end(self, key: Hashable, outcome: Outcome) -> None:
        self._moved_at = time.monotonic()
        self._outcomes[key] = outcome
        self._say(key, outcome.state, outcome)

    def _say(self, key: Hashable, state: ToolCallState, outcome: Outcome | None) -> None:
        if self._on_change:
            self._on_change(key, state, outcome)
