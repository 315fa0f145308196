"""Several tools at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from conversations.models import ToolCallState
from conversations.tools import outcomes, places, running
from conversations.tools.places import Places
from conversations.tools.registry import Asked, Tool
from conversations.tools.running import Wanted
from tests.tools.making import NOW, SOMEBODY, SOMEWHERE, tool, tool_threads, until

QUEUED, RUNNING = ToolCallState.QUEUED, ToolCallState.RUNNING
SUCCEEDED, FAILED, STOPPED = ToolCallState.SUCCEEDED, ToolCallState.FAILED, ToolCallState.STOPPED


class Watched:
    """Runs calls, and keeps what was told of each."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ToolCallState]] = []
        self.threads: set[int] = set()

    def run(self, calls: Sequence[tuple[Any, str]], tools: Sequence[Tool], **fields: Any) -> dict[Any, Any]:
        wanted = [Wanted(key, name, "{}") for key, name in calls]
        fields = {"person": SOMEBODY, "conversation": SOMEWHERE, "now": NOW} | fields
        return running.run_side_by_side(wanted, tools=tools, on_change=self.hear, **fields)

    def hear(self, key: Any, state: ToolCallState, outcome: running.Outcome | None) -> None:
        assert (outcome is None) == (state == RUNNING)
        assert outcome is None or outcome.state == state
        self.threads.add(threading.get_ident())
        self.told.append((key, state))


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_two_tools_that_wait_for_each_other_both_succeed(watched: Watched) -> None:
    barrier = threading.Barrier(2, timeout=5)
    meet = tool(lambda asked: barrier.wait() >= 0, seconds=5)

    ended = watched.run([("a", "made_up"), ("b", "made_up")], [meet])

    assert {key: outcome.state for key, outcome in ended.items()} == {"a": SUCCEEDED, "b": SUCCEEDED}
    assert watched.told[:2] == [("a", RUNNING), ("b", RUNNING)]
    assert set(watched.told[2:]) == {("a", SUCCEEDED), ("b", SUCCEEDED)}
    # The engine writes rows from this callback: it needs no lock.
    assert watched.threads == {threading.get_ident()}


def test_each_outcome_is_told_when_it_is_there(watched: Watched, gate: threading.Event) -> None:
    quick = tool(lambda asked: 1, name="quick")
    slow = tool(lambda asked: gate.wait(20), name="slow", seconds=20)

    def hear(key: Any, state: ToolCallState, outcome: running.Outcome | None) -> None:
        watched.hear(key, state, outcome)
        if (key, state) == (2, SUCCEEDED):
            # The slow one is still at work.
            gate.set()

    running.run_side_by_side(
        [Wanted(1, "slow", ""), Wanted(2, "quick", "")],
        tools=[slow, quick],
        person=SOMEBODY,
        conversation=SOMEWHERE,
        now=NOW,
        on_change=hear,
    )

    assert watched.told == [(1, RUNNING), (2, RUNNING), (2, SUCCEEDED), (1, SUCCEEDED)]


def test_one_that_hangs_breaks_or_does_not_exist_costs_the_others_nothing(
    watched: Watched, gate: threading.Event
) -> None:
    tools = [
        tool(lambda asked: gate.wait(20), name="hangs", seconds=0.3),
        tool(lambda asked: 1 / 0, name="breaks"),
        tool(lambda asked: "good", name="works"),
    ]

    ended = watched.run([(1, "hangs"), (2, "breaks"), (3, "works"), (4, "rm_rf")], tools)

    assert [ended[key].state for key in (1, 2, 3, 4)] == [FAILED, FAILED, SUCCEEDED, FAILED]
    assert ended[4].error == "There is no tool of that name here. There are: hangs, breaks, works."
    assert (4, RUNNING) not in watched.told


def test_a_tool_that_is_switched_off_is_not_run(watched: Watched) -> None:
    ended = watched.run([(1, "current_time")], [])

    assert ended[1].error == "There is no tool of that name: no tools are switched on here."


def test_no_more_than_eight_run_at_once_and_all_are_run(watched: Watched) -> None:
    at_once: list[int] = []
    lock = threading.Lock()
    here = 0

    def count(asked: Asked) -> object:
        nonlocal here
        with lock:
            here += 1
            at_once.append(here)
        time.sleep(0.03)
        with lock:
            here -= 1
        return None

    ended = watched.run([(number, "made_up") for number in range(20)], [tool(count)])

    assert len(ended) == 20
    assert {outcome.state for outcome in ended.values()} == {SUCCEEDED}
    assert 1 < max(at_once) <= running.SIDE_BY_SIDE


def test_a_stop_ends_running_and_waiting_calls_and_keeps_what_is_there(
    watched: Watched, gate: threading.Event
) -> None:
    stopped = threading.Event()
    slow = tool(lambda asked: gate.wait(20), name="slow", seconds=20)
    quick = tool(lambda asked: "done", name="quick")
    calls = [("quick", "quick"), *((number, "slow") for number in range(12))]

    class Stopping(Watched):
        def hear(self, key: Any, state: ToolCallState, outcome: running.Outcome | None) -> None:
            super().hear(key, state, outcome)
            if (key, state) == ("quick", SUCCEEDED):
                stopped.set()

    began = time.monotonic()
    watching = Stopping()
    ended = watching.run(calls, [slow, quick], stopped=stopped)

    assert time.monotonic() - began < 3
    assert ended["quick"].result == '"done"'
    assert {ended[number].state for number in range(12)} == {STOPPED}
    assert ended[0].error == outcomes.STOPPED
    assert ended[11].error == outcomes.STOPPED_EARLY
    assert (11, RUNNING) not in watching.told
    assert (11, STOPPED) in watching.told


def test_nothing_begins_after_a_stop(watched: Watched) -> None:
    stopped = threading.Event()
    stopped.set()
    called: list[int] = []

    ended = watched.run([(1, "made_up")], [tool(lambda asked: called.append(1))], stopped=stopped)

    assert (ended[1].state, ended[1].error) == (STOPPED, outcomes.STOPPED_EARLY)
    assert not called


def test_tools_that_were_left_behind_hold_up_their_person_and_nobody_else(
    watched: Watched, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "everyones", Places(limit=10, per_person=2))
    monkeypatch.setattr(running, "PLACE_SECONDS", 0.2)
    hangs = tool(lambda asked: gate.wait(20), name="hangs", seconds=0.05)
    works = tool(lambda asked: 1, name="works")
    other = type(SOMEBODY)(pk=99)
    watched.run([(1, "hangs"), (2, "hangs")], [hangs])

    theirs = watched.run([(3, "works")], [works])
    others = watched.run([(4, "works")], [works], person=other)

    assert (theirs[3].state, theirs[3].error) == (FAILED, outcomes.NO_PLACE)
    assert others[4].state == SUCCEEDED


def test_a_call_waits_for_a_place_and_gets_it(
    watched: Watched, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "everyones", Places(limit=1, per_person=1))
    hangs = tool(lambda asked: gate.wait(20), name="hangs", seconds=0.05)
    watched.run([(1, "hangs")], [hangs])
    threading.Timer(0.2, gate.set).start()

    ended = watched.run([(2, "works")], [tool(lambda asked: 1, name="works")])

    assert ended[2].state == SUCCEEDED


def test_who_listens_may_break_and_leaves_nothing_running(gate: threading.Event) -> None:
    begun: list[Asked] = []

    def hang(asked: Asked) -> object:
        begun.append(asked)
        asked.stopped.wait(20)
        return None

    def hear(key: Any, state: ToolCallState, outcome: object) -> None:
        if key == 2:
            raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="gone"):
        running.run_side_by_side(
            [Wanted(1, "made_up", ""), Wanted(2, "made_up", "")],
            tools=[tool(hang, seconds=20)],
            person=SOMEBODY,
            conversation=SOMEWHERE,
            now=NOW,
            on_change=hear,
        )

    # The fixtures see that the first one ended, and that both left their places.
    assert len(begun) == 1


def test_two_calls_need_two_keys(watched: Watched) -> None:
    with pytest.raises(ValueError, match="same key"):
        watched.run([(1, "made_up"), (1, "made_up")], [tool(lambda asked: 1)])


def test_what_came_before_the_stop_was_seen_is_kept(gate: threading.Event) -> None:
    stopped, first_is_late = threading.Event(), threading.Event()

    def hear(key: Any, state: ToolCallState, outcome: object) -> None:
        if (key, state) == (1, FAILED):
            first_is_late.set()
            until(lambda: len(tool_threads()) == 1)
            stopped.set()

    ended = running.run_side_by_side(
        [Wanted(1, "late", ""), Wanted(2, "works", "")],
        tools=[
            tool(lambda asked: gate.wait(20), name="late", seconds=0.1),
            tool(lambda asked: first_is_late.wait(20), name="works"),
        ],
        person=SOMEBODY,
        conversation=SOMEWHERE,
        now=NOW,
        on_change=hear,
        stopped=stopped,
    )

    assert ended[2].result == "true"


def test_a_result_that_comes_too_late_changes_nothing(watched: Watched, gate: threading.Event) -> None:
    late = tool(lambda asked: gate.wait(20), name="late", seconds=0.1)

    def outlast(asked: Asked) -> object:
        until(lambda: (1, FAILED) in watched.told)
        gate.set()
        until(lambda: len(tool_threads()) == 1)
        return "done"

    ended = watched.run([(1, "late"), (2, "outlasts")], [late, tool(outlast, name="outlasts")])

    assert (ended[1].state, ended[2].state) == (FAILED, SUCCEEDED)
    assert watched.told.count((1, FAILED)) == 1
    assert (1, SUCCEEDED) not in watched.told
