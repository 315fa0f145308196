"""What an open page is told, and that it goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import pytest
from django.utils import timezone

from conversations.generation import relay
from conversations.generation.relay import Hub, Look, Tailer, Viewer
from conversations.generation.viewing import PING, Cursor, Rendered, View
from conversations.generation.writer import CommittedStep
from conversations.models import Generation, GenerationEvent, GenerationState, User
from conversations.services import organising, steps, titles, tree, turns
from conversations.services.accepting import Turn
from tests import factories

# A stream closes its connection while it waits; inside a test's own transaction that would end the test.
pytestmark = pytest.mark.django_db(transaction=True)


def step_of(turn: Turn, seq: int, text: str) -> CommittedStep:
    data = {"parts": [{"position": 0, "kind": "text", "text": text, "open": f"<p>{text}</p>"}]}
    pk = factories.generation_of(turn).pk
    GenerationEvent.objects.create(generation_id=pk, seq=seq, data=data)
    return CommittedStep(turn.conversation.pk, pk, seq, data)


def run(turn: Turn) -> None:
    Generation.objects.filter(message=turn.answer).update(
        state=GenerationState.RUNNING,
        lease_owner=turn.answer.public_id,
        lease_until=timezone.now() + timedelta(minutes=1),
    )


def finish(turn: Turn) -> None:
    Generation.objects.filter(message=turn.answer).update(
        state=GenerationState.SUCCEEDED, lease_owner=None, lease_until=None, ended_at=timezone.now()
    )
    GenerationEvent.objects.all().delete()


@pytest.fixture
def turn(ada: User) -> Turn:
    made = factories.ask(ada)
    run(made)
    return made


def view_of(turn: Turn, cursor: str = "", *, stays: bool = True) -> View:
    turn.conversation.refresh_from_db()

    def render(pk: int) -> Rendered | None:
        shown = turns.shown([turn.answer], viewer=turn.conversation.owner)[0]
        return Rendered(shown.id, shown.state, f"<article>{pk}</article>", shown.seq)

    return View(
        turn.conversation,
        cursor=cursor,
        render=render,
        may_go_on=lambda: stays,
        ping_every=0.05,
    )


def told(events: Iterator[bytes], count: int = 1) -> list[tuple[str, dict]]:
    """Return the next events that are no ping."""
    found: list[tuple[str, dict]] = []
    for chunk in islice(events, 100):
        for block in chunk.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"]) | {"id": fields["id"]}))
        if len(found) >= count:
            return found
    return found


def test_a_page_without_a_cursor_is_told_everything_from_the_start(turn: Turn) -> None:
    step_of(turn, 1, "One")
    step_of(turn, 2, "Two")

    events = told(view_of(turn).events(), 3)

    assert [name for name, _ in events] == ["tree", "step", "step"]
    assert events[2][1]["seq"] == 2
    assert "text" not in events[1][1]["parts"][0]


def test_a_page_goes_on_from_its_cursor(turn: Turn) -> None:
    step_of(turn, 1, "One")
    step_of(turn, 2, "Two")
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    step_of(turn, 3, "Three")

    events = told(view_of(turn, cursor).events(), 1)

    assert [(name, data["seq"]) for name, data in events] == [("step", 3)]


def test_what_is_committed_while_a_page_looks_on_reaches_it_once_and_in_order(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    events = view_of(turn, cursor).events()
    next(events)
    first, second = step_of(turn, 1, "One"), step_of(turn, 2, "Two")

    # Twice, and the second before the first: a slow thread, a reconnect, another process.
    relay.hub.publish([second, first, second])

    assert [data["seq"] for _, data in told(events, 2)] == [1, 2]


def test_the_end_of_an_answer_is_its_whole_article(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    events = view_of(turn, cursor).events()
    next(events)
    finish(turn)
    relay.hub.look(turn.conversation.pk)

    ((name, data),) = told(events, 1)

    assert (name, data["state"]) == ("message", "succeeded")
    assert data["html"].startswith("<article>")


def test_an_answer_that_waits_for_an_approval_is_shown_and_so_is_the_decision(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    events = view_of(turn, cursor).events()
    next(events)
    generation = Generation.objects.filter(message=turn.answer)
    generation.update(state=GenerationState.WAITING, lease_owner=None, lease_until=None)
    relay.hub.look(turn.conversation.pk)
    assert told(events, 1)[0][1]["state"] == "waiting"

    generation.update(state=GenerationState.QUEUED)
    relay.hub.look(turn.conversation.pk)

    assert told(events, 1)[0][1]["state"] == "queued"


def test_an_answer_that_ended_while_the_page_was_away_comes_whole(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    finish(turn)

    assert [name for name, _ in told(view_of(turn, cursor).events(), 1)] == ["message"]


def test_a_cursor_that_names_somebody_elses_answer_shows_nothing_of_it(turn: Turn, eve: User) -> None:
    finish(turn)
    foreign = factories.generation_of(turn).pk
    own = factories.ask(eve)

    events = told(view_of(own, f"r{own.conversation.revision}-{foreign}.0").events(), 1)

    assert events == []


@pytest.mark.parametrize(
    "cursor", ["", "r", "x", "r1-x.y", "r9-1.2.3", "r1-" + "x.1-" * 500, "r" + "9" * 400]
)
def test_what_is_no_cursor_counts_as_none(cursor: str, turn: Turn) -> None:
    assert told(view_of(turn, cursor).events(), 1)


def test_a_cursor_reads_back_as_written() -> None:
    cursor = Cursor(7, {5: 33, 6: 0})

    assert str(cursor) == "r7-5.33-6.0"
    assert Cursor.parse(str(cursor)) == cursor


def test_a_change_of_the_title_and_of_the_tree_are_told(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    events = view_of(turn, cursor).events()
    next(events)

    titles.rename(turn.conversation, title="Monads")
    relay.hub.look(turn.conversation.pk)

    assert [name for name, _ in told(events, 2)] == ["tree", "title"]


def test_a_deleted_conversation_ends_its_streams(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    events = view_of(turn, cursor).events()
    next(events)
    organising.delete(turn.conversation)
    relay.hub.look(turn.conversation.pk)

    ((name, data),) = told(events, 1)

    assert (name, data["reason"]) == ("end", "gone")


def test_a_sign_in_that_ended_ends_the_stream(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor

    ((name, data),) = told(view_of(turn, cursor, stays=False).events(), 1)

    assert (name, data["reason"]) == ("end", "signed-out")


def test_a_process_that_ends_says_so_and_a_quiet_one_pings(turn: Turn) -> None:
    cursor = turns.branch_of(turn.conversation, viewer=turn.conversation.owner).cursor
    events = view_of(turn, cursor).events()
    assert PING in list(islice(events, 3))

    relay.hub.close()

    assert told(events, 1)[0][1]["reason"] == "restart"


def test_text_can_not_leave_its_event(turn: Turn) -> None:
    step_of(turn, 1, "a\r\rb\n\ndata: x\u2028event: end\x85")

    chunks = b"".join(islice(view_of(turn).events(), 2))

    lines = chunks.split(b"\n")
    assert [line for line in lines if line.startswith(b"event:")] == [b"event: tree", b"event: step"]
    assert b"\r" not in chunks


def test_a_slow_reader_is_not_remembered_without_bound() -> None:
    viewer = Viewer(1)

    for seq in range(relay.QUEUE_LIMIT + 5):
        viewer.put(CommittedStep(1, 1, seq, {}))

    items = viewer.take(timeout=0)
    assert isinstance(items[0], Look)
    assert len(items) < relay.QUEUE_LIMIT


def test_streams_are_counted_per_person_and_forgotten() -> None:
    hub = Hub()

    assert hub.admit(7, most=3, most_each=2)
    assert hub.admit(7, most=3, most_each=2)
    assert not hub.admit(7, most=3, most_each=2)
    assert hub.admit(8, most=3, most_each=2)
    assert not hub.admit(9, most=3, most_each=2)
    hub.release(7)
    assert hub.admit(9, most=3, most_each=2)
    assert hub.admitted == 3
    hub.close()
    assert not hub.admit(1, most=9, most_each=9)


def test_what_another_process_committed_is_found_in_the_log(turn: Turn) -> None:
    hub = Hub()
    viewer = Viewer(turn.conversation.pk)
    hub._viewers[turn.conversation.pk].add(viewer)
    tailer = Tailer(hub)
    step_of(turn, 1, "One")

    assert tailer._look(hub.watched()) is True

    assert [item.seq for item in viewer.take(timeout=0) if isinstance(item, CommittedStep)] == [1]
    tailer._look(hub.watched())
    assert viewer.take(timeout=0) == []
    finish(turn)
    tree.touch(turn.conversation)
    tailer._look(hub.watched())
    assert any(isinstance(item, Look) for item in viewer.take(timeout=0))


def test_steps_read_back_as_the_page_shows_them() -> None:
    rows = [
        (1, {"state": "running"}),
        (2, {"parts": [{"position": 0, "kind": "text", "text": "Half", "open": "<p>Half</p>"}]}),
        (3, {"restarted": True}),
        (
            4,
            {
                "note": "Trying again",
                "parts": [{"position": 1, "kind": "text", "text": "Whole", "closed": "<p>Whole</p>"}],
            },
        ),
    ]

    so_far = steps.read(rows)

    assert (so_far.seq, so_far.note) == (4, "Trying again")
    assert [(part.kind, part.full_text) for part in so_far.parts.values()] == [
        ("discarded", "Half"),
        ("text", "Whole"),
    ]
    assert "<p>Whole</p>" in so_far.parts[1].page.html()
