"""What the one stream of a page tells of the person's list, and how other processes' changes reach it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.generation import claims, finishing, relay
from conversations.generation.relay import Hub, ListChanged, Look, Tailer, Viewer
from conversations.generation.sidebar import Sidebar
from conversations.generation.viewing import PING, View
from conversations.generation.writer import CommittedStep
from conversations.models import Conversation, Generation, GenerationState, Message, User
from conversations.services import organising, titles
from tests import factories
from tests.generation.test_viewing import finish, run, told, view_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_viewer_is_left() -> Iterator[None]:
    yield
    relay.hub.reopen()


def list_view(person: User, *, ping_every: float = 0.05, version: str | None = None) -> View:
    person.refresh_from_db()
    return View(
        None,
        cursor="",
        render=lambda pk: None,
        may_go_on=lambda: True,
        ping_every=ping_every,
        sidebar=Sidebar(person, version=person.list_version if version is None else version),
    )


def test_a_page_without_a_conversation_is_told_of_the_list_alone(ada: User) -> None:
    events = list_view(ada).events()
    next(events)
    turn = factories.ask(ada, "Plan")

    ((name, data),) = told(events, 1)

    assert name == "list"
    row = {
        "id": str(turn.conversation.public_id),
        "title": "Plan",
        "mark": "running",
        "words": "Answering",
        "temporary": False,
    }
    assert data["rows"] == [row]
    assert (data["order"], data["more"]) == ([row["id"]], False)


def test_later_only_what_changed_is_told(ada: User) -> None:
    turns = [factories.ask(ada, f"Plan {number}") for number in range(3)]
    events = list_view(ada, version="").events()
    assert len(told(events, 1)[0][1]["rows"]) == 3

    titles.rename(turns[0].conversation, title="Renamed")

    ((_, data),) = told(events, 1)
    assert [row["title"] for row in data["rows"]] == ["Renamed"]
    assert "order" not in data
    organising.delete(turns[1].conversation)
    ((_, gone),) = told(events, 1)
    assert gone["rows"] == []
    assert len(gone["order"]) == 2


def test_what_changed_while_the_page_was_away_is_told_and_nothing_otherwise(ada: User) -> None:
    factories.ask(ada, "Plan")
    ada.refresh_from_db()
    version = ada.list_version
    assert told(list_view(ada).events(), 1) == []

    factories.ask(ada, "Another")

    ((name, data),) = told(list_view(ada, version=version).events(), 1)
    assert name == "list"
    assert len(data["rows"]) == 2
    ada.refresh_from_db()
    assert data["version"] == ada.list_version


def test_a_version_that_nobody_gave_shows_the_list_anew(ada: User) -> None:
    factories.ask(ada)

    assert told(list_view(ada, version="' OR 1=1 --\x00").events(), 1)[0][0] == "list"


def test_a_strangers_changes_are_told_to_nobody_else(ada: User, eve: User) -> None:
    events = list_view(ada).events()
    next(events)

    factories.ask(eve, "A secret")

    assert told(events, 1) == []


def test_tokens_make_nobody_look_at_the_list_and_changes_that_come_together_are_told_once(
    ada: User,
) -> None:
    turn = factories.ask(ada)
    run(turn)
    events = list_view(ada).events()
    # Past the tailer's first sight of the page.
    assert PING in list(islice(events, 10))

    with CaptureQueriesContext(connection) as asked:
        for seq in range(200):
            relay.hub.publish([CommittedStep(turn.conversation.pk, 1, seq, {})])
        assert list(islice(events, 3)) == [PING] * 3
    assert asked.captured_queries == []

    for number in range(20):
        titles.rename(turn.conversation, title=f"Title {number}")

    found = told(events, 1)
    assert [data["rows"][0]["title"] for _, data in found] == ["Title 19"]


def test_a_conversation_s_page_has_one_stream_for_both(ada: User) -> None:
    turn = factories.ask(ada, "Plan")
    run(turn)
    view = view_of(turn, f"r{turn.conversation.revision}")
    ada.refresh_from_db()
    view._sidebar, view._list_due_at = Sidebar(ada, version=ada.list_version), 0.0
    events = view.events()
    next(events)

    factories.ask(ada, "Another")

    assert [row["title"] for row in told(events, 1)[0][1]["rows"]] == ["Another", "Plan"]


# --- Unread ---------------------------------------------------------------------------------------


def end(turn: object, state: GenerationState = GenerationState.SUCCEEDED) -> Conversation:
    """Have the answer end as an engine ends it."""
    generation = Generation.objects.select_related("message__conversation").get(message=turn.answer)
    assert finishing.finish(generation, finishing.Outcome(state), [finishing.SaidPart("text", "Yes")])
    return Conversation.objects.get(pk=turn.conversation.pk)


def test_the_end_of_an_answer_that_nobody_sees_makes_it_unread_and_says_so(ada: User) -> None:
    turn = factories.ask(ada, "Plan")
    run(turn)
    events = list_view(ada).events()
    next(events)

    conversation = end(turn)

    assert conversation.answered_at == factories.generation_of(turn).ended_at
    assert conversation.seen_at is None
    assert told(events, 1)[0][1]["rows"][0]["mark"] == "unread"


def test_an_answer_that_ends_before_its_owners_eyes_is_read(ada: User) -> None:
    turn = factories.ask(ada, "Plan")
    run(turn)
    view = view_of(turn, f"r{turn.conversation.revision}-{factories.generation_of(turn).pk}.0")
    view._sidebar = Sidebar(ada, version="")
    events = view.events()
    next(events)

    end(turn)

    assert [name for name, _ in told(events, 1)][0] in ("message", "list")
    told(events, 1)
    conversation = Conversation.objects.get(pk=turn.conversation.pk)
    assert conversation.seen_at == conversation.answered_at


def test_what_its_owner_has_stopped_is_no_news(ada: User) -> None:
    turn = factories.ask(ada)
    run(turn)

    assert end(turn, GenerationState.STOPPED).answered_at is None


def test_whose_lease_is_gone_makes_nothing_unread(ada: User) -> None:
    turn = factories.ask(ada)
    run(turn)
    generation = Generation.objects.select_related("message__conversation").get(message=turn.answer)
    Generation.objects.update(lease_owner=turn.question.public_id)

    assert not finishing.finish(generation, finishing.Outcome(GenerationState.FAILED), [])

    assert Conversation.objects.get(pk=turn.conversation.pk).answered_at is None


# --- Other processes ------------------------------------------------------------------------------


def watch(hub: Hub, person: User, conversation_id: int | None = None) -> Viewer:
    viewer = Viewer(conversation_id, person.pk)
    hub._lists[person.pk].add(viewer)
    if conversation_id is not None:
        hub._viewers[conversation_id].add(viewer)
    return viewer


def test_what_another_process_changed_in_a_list_is_found(ada: User, eve: User) -> None:
    hub = Hub()
    tailer, viewer = Tailer(hub), watch(hub, ada)
    tailer._tell_of_lists(hub.people())
    # At first sight, too: the page may have looked before.
    assert viewer.take(timeout=0) == [ListChanged()]

    User.objects.filter(pk=eve.pk).update(list_changed_at=timezone.now())
    tailer._tell_of_lists(hub.people())
    assert viewer.take(timeout=0) == []
    User.objects.filter(pk=ada.pk).update(list_changed_at=timezone.now())
    tailer._tell_of_lists(hub.people())

    assert viewer.take(timeout=0) == [ListChanged()]


def test_a_change_before_the_tailers_first_look_is_not_missed(ada: User) -> None:
    turn = factories.ask(ada)
    finish(turn)
    hub = Hub()
    tailer, viewer = Tailer(hub), watch(hub, ada, turn.conversation.pk)

    tailer._look(hub.watched())

    assert Look() in viewer.take(timeout=0)


@pytest.mark.parametrize("people", [1, 20])
def test_the_tailer_asks_once_for_everybody(
    people: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    hub = Hub()
    for number in range(people):
        watch(hub, factories.person(f"person{number}"))

    with django_assert_num_queries(1):
        Tailer(hub)._tell_of_lists(hub.people())


def test_who_leaves_is_forgotten_and_who_stays_is_told_of_the_end(ada: User) -> None:
    hub = Hub()
    stays, leaves = watch(hub, ada), watch(hub, ada, 7)

    hub.leave(leaves)
    hub.look_at_list(ada.pk)

    assert hub.watched() == []
    assert stays.take(timeout=0) == [ListChanged()]
    hub.close()
    assert stays.is_closed
    hub.leave(stays)
    assert hub.people() == []


def test_a_slow_reader_is_told_to_look_at_both(ada: User) -> None:
    viewer = Viewer(1, ada.pk)

    for seq in range(relay.QUEUE_LIMIT + 1):
        viewer.put(CommittedStep(1, 1, seq, {}))

    assert viewer.take(timeout=0) == [Look(), ListChanged()]


# --- Fair turns -----------------------------------------------------------------------------------


def claims_of(*engines: dict, slots: int, count: int) -> list[str]:
    """Let engines claim by turns, each answer ending before the next claim; return whose it was."""
    names = []
    for number in range(count):
        engine = engines[number % len(engines)]
        claimed = claims.claim_next(
            boot_id=engine["boot"], now=timezone.now(), slots=slots, served=engine["served"]
        )
        assert claimed
        names.append(claimed.asked_by.username)
        Generation.objects.filter(pk=claimed.pk).update(
            state=GenerationState.SUCCEEDED, ended_at=timezone.now(), lease_owner=None, lease_until=None
        )
        time.sleep(0.001)
    return names


def engine_of(message: Message) -> dict:
    return {"boot": message.public_id, "served": {}}


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_one_slot_after_the_other_goes_to_whoever_was_served_longest_ago(
    ada: User, bob: User, slots: int
) -> None:
    asked = [factories.ask(ada) for _ in range(50)]
    factories.ask(bob)

    names = claims_of(engine_of(asked[0].answer), slots=slots, count=4)

    assert "bob" in names[:2]
    assert names.count("ada") == 3


def test_two_engines_with_one_slot_each_are_fair_too(ada: User, bob: User) -> None:
    asked = [factories.ask(ada) for _ in range(50)]
    for _ in range(2):
        factories.ask(bob)

    names = claims_of(engine_of(asked[0].answer), engine_of(asked[1].answer), slots=1, count=6)

    assert names[:4].count("bob") == 2


def test_six_people_with_full_queues_do_not_hide_a_seventh(ada: User) -> None:
    crowd = [factories.person(f"crowd{number}") for number in range(6)]
    turn = factories.ask(crowd[0])
    rows = [
        Message(conversation=turn.conversation, parent=turn.question, depth=1, role="assistant")
        for _ in range(600)
    ]
    for number, message in enumerate(Message.objects.bulk_create(rows)):
        Generation.objects.create(message=message, asked_by=crowd[number % 6], model_name="m")
    mine = factories.ask(ada)
    for person in crowd:
        one = Generation.objects.filter(asked_by=person).order_by("id").first()
        Generation.objects.filter(pk=one.pk).update(
            state=GenerationState.RUNNING, lease_owner=turn.answer.public_id, lease_until=timezone.now()
        )

    claimed = claims.claim_next(boot_id=turn.answer.public_id, now=timezone.now(), slots=8)

    assert claimed
    assert claimed.message_id == mine.answer.pk
