"""What the sidebar says beside a title, and how open pages learn of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, Generation, GenerationState, Message, Model, Role, User
from conversations.services import marks, organising, searching, sending, titles, wakeups
from conversations.services.marks import Mark
from tests import factories

HTMX = {"HX-Request": "true"}


def answer(conversation: Conversation) -> None:
    """Note what the end of an answer writes into its conversation."""
    Conversation.objects.filter(pk=conversation.pk).update(answered_at=timezone.now())
    conversation.refresh_from_db()


def marks_of(user: User) -> dict[str, str]:
    return {row.title: row.mark for row in searching.rows_of(searching.sidebar(user))}


def test_a_row_says_what_goes_on_in_it(ada: User) -> None:
    running, waiting, unread, read, stopped = (
        factories.ask(ada, text) for text in ("Running", "Waiting", "Unread", "Read", "Stopped")
    )
    Generation.objects.filter(message=waiting.answer).update(state=GenerationState.WAITING)
    for turn in (unread, read, stopped):
        factories.end(turn)
    for turn in (unread, read):
        answer(turn.conversation)
    marks.saw(read.conversation, person=ada)

    assert marks_of(ada) == {
        "Running": Mark.RUNNING,
        "Waiting": Mark.WAITING,
        "Unread": Mark.UNREAD,
        "Read": "",
        "Stopped": "",
    }
    assert factories.generation_of(running).is_unfinished


def test_an_answer_that_came_after_the_page_was_read_stays_unread(ada: User) -> None:
    conversation = factories.ask(ada, "Plan").conversation
    answer(conversation)
    as_read = Conversation.objects.get(pk=conversation.pk)
    later = timezone.now() + timedelta(seconds=1)
    Conversation.objects.filter(pk=conversation.pk).update(answered_at=later)

    marks.saw(as_read, person=ada)

    conversation.refresh_from_db()
    assert conversation.seen_at == as_read.answered_at
    assert marks._is_unread(conversation)


def test_nobody_elses_look_counts(ada: User, eve: User) -> None:
    conversation = factories.ask(ada).conversation
    answer(conversation)

    marks.saw(conversation, person=eve)

    conversation.refresh_from_db()
    assert conversation.seen_at is None


def test_opening_a_conversation_reads_it_and_looking_at_the_list_does_not(
    ada: User, ada_client: Client
) -> None:
    turn = factories.ask(ada, "Plan")
    factories.end(turn)
    answer(turn.conversation)

    assert 'data-mark="unread"' in ada_client.get("/").content.decode()
    opened = ada_client.get(turn.conversation.get_absolute_url()).content.decode()

    assert 'data-mark="unread"' not in opened
    assert "Unread answer" not in ada_client.get("/").content.decode()


def test_a_row_is_read_aloud_with_its_mark(ada: User, ada_client: Client) -> None:
    factories.ask(ada, "Plan")

    html = ada_client.get("/sidebar/").content.decode()

    assert '<span class="row-words visually-hidden">Answering</span></a>' in html


def test_a_renamed_row_keeps_its_mark(ada: User, ada_client: Client) -> None:
    conversation = factories.ask(ada, "Plan").conversation

    renamed = ada_client.post(f"{conversation.get_absolute_url()}title/", {"title": "B"}, headers=HTMX)

    assert 'data-mark="running"' in renamed.content.decode()


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_with_marks_is_one_query(
    ada: User, count: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(count):
        factories.ask(ada, f"Plan {number}")

    with django_assert_num_queries(1):
        assert set(marks_of(ada).values()) == {"running"}


def many(owner: User, count: int, *, unfinished: int) -> None:
    """Give `owner` conversations with an answer each; the answers of some are not finished."""
    if not Model.objects.exists():
        factories.model(is_default=True)
    now = timezone.now()
    rows = Conversation.objects.bulk_create(
        Conversation(owner=owner, title=f"Plan {n}", active_at=now - timedelta(minutes=n))
        for n in range(count)
    )
    answers = Message.objects.bulk_create(
        Message(conversation=row, depth=0, role=Role.ASSISTANT) for row in rows
    )
    Generation.objects.bulk_create(
        Generation(message=message, asked_by=owner, model_name="m")
        if number < unfinished
        else Generation(
            message=message,
            asked_by=owner,
            model_name="m",
            state=GenerationState.SUCCEEDED,
            ended_at=now,
        )
        for number, message in enumerate(answers)
    )


@pytest.mark.skipif(connection.vendor != "sqlite", reason="what SQLite plans")
def test_the_list_walks_its_index_however_many_conversations_there_are(ada: User) -> None:
    many(ada, 2000, unfinished=3)

    plan = marks.with_marks(Conversation.objects.visible_to(ada).for_sidebar())[:41].explain()

    assert "USING INDEX conversation_sidebar" in plan
    assert plan.count("generation_unfinished") == 2
    assert "SCAN conversations_conversation" not in plan
    assert "CORRELATED" not in plan


# --- Who is told ------------------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    people: list[int] = []

    def listen(topic: str) -> None:
        if (person := wakeups.list_of(topic)) is not None:
            people.append(person)

    wakeups.listen(listen)
    yield people
    wakeups.leave(listen)


@pytest.mark.django_db(transaction=True)
def test_what_changes_the_list_is_told_to_its_owner_alone(ada: User, eve: User, told: list[int]) -> None:
    def news() -> set[int]:
        people = set(told)
        told.clear()
        return people

    turn = factories.ask(ada)
    assert news() == {ada.pk}
    titles.rename(turn.conversation, title="New")
    assert news() == {ada.pk}
    sending.stop(turn.answer)
    assert news() == {ada.pk}
    answer(turn.conversation)
    marks.saw(turn.conversation, person=ada)
    assert news() == {ada.pk}
    organising.delete(turn.conversation)
    assert news() == {ada.pk}
    organising.restore(turn.conversation)
    assert news() == {ada.pk}

    ada.refresh_from_db()
    eve.refresh_from_db()
    assert ada.list_version
    assert eve.list_version == ""


@pytest.mark.django_db(transaction=True)
def test_nothing_is_told_where_nothing_was_unread(ada: User, told: list[int]) -> None:
    turn = factories.ask(ada)
    answer(turn.conversation)
    marks.saw(turn.conversation, person=ada)
    told.clear()

    turn.conversation.refresh_from_db()
    marks.saw(turn.conversation, person=ada)

    assert told == []


# --- What a tab that nobody sees asks -----------------------------------------------------------------------


def test_news_say_whether_it_runs_and_how_long_the_unread_answer_took(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada, "Plan")
    address = f"{turn.conversation.get_absolute_url()}news/"
    assert ada_client.get(address).json() == {
        "title": "Plan",
        "is_running": True,
        "is_unread": False,
        "seconds": 0,
    }
    ended = factories.generation_of(turn).created_at + timedelta(seconds=31)
    Generation.objects.update(state=GenerationState.SUCCEEDED, ended_at=ended)
    Conversation.objects.update(answered_at=ended)

    news = ada_client.get(address).json()

    assert (news["is_running"], news["is_unread"], news["seconds"]) == (False, True, 31)
    # To ask is not to read.
    assert ada_client.get(address).json()["is_unread"]
    turn.conversation.refresh_from_db()
    marks.saw(turn.conversation, person=ada)
    assert not ada_client.get(address).json()["is_unread"]


def test_the_wish_to_be_notified_is_kept_and_taken_back(ada: User, ada_client: Client) -> None:
    assert " data-notify" not in ada_client.get("/account/").content.decode().partition("<main")[0]

    answer = ada_client.post("/account/notify/", {"notify": "on"})

    assert answer["Location"] == "/account/"
    assert " data-notify" in ada_client.get("/").content.decode().partition("<main")[0]
    piece = ada_client.post("/account/notify/", {"notify": ""}, headers=HTMX).content.decode()
    assert "Notify me when a long answer is done" in piece
    ada.refresh_from_db()
    assert ada.preferences == {"notify": False}
