"""A person who is deactivated: signed out everywhere, streams ended, answers stopped, nothing lost."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from conversations.generation.engine import Engine
from conversations.generation.relay import hub
from conversations.models import Draft, Generation, GenerationEvent, GenerationState, ToolCall, User
from conversations.practice.server import Gateway
from conversations.services import people, roles, sending
from conversations.services.errors import Refused
from conversations.services.roles import RoleName
from tests import factories
from tests.generation.conftest import ended, practice_model, text_of
from tests.generation.turns_with_tools import QUESTION, ask
from tests.waiting import until


@pytest.fixture
def owner(transactional_db):
    roles.ensure()
    return factories.person("owner", is_superuser=True)


def test_what_runs_queues_and_waits_is_stopped(
    engine: Engine, owner: User, ada: User, bob: User, practice: Gateway, made_up: Any
) -> None:
    made_up("current_time", lambda asked: {"time": "noon"}, needs_approval=True)
    practice_model("steady")
    practice_model("chat")
    waiting = ask(ada, QUESTION, "practice-chat", tools=["current_time"])
    until(lambda: factories.generation_of(waiting).state == GenerationState.WAITING)
    running = factories.ask(ada, "500 tokens every 50 ms", model_name="practice-steady")
    bobs = factories.ask(bob, "20 tokens every 50 ms", model_name="practice-steady")
    until(lambda: GenerationEvent.objects.filter(generation__message=running.answer).count() > 1)
    # Many, so that some of them wait in the line.
    more = [factories.ask(ada, "500 tokens", model_name="practice-steady") for _ in range(20)]

    people.deactivate(ada, by=owner)

    for turn in (waiting, running, *more):
        assert ended(turn, seconds=10).state == GenerationState.STOPPED
    assert text_of(running)
    assert not ToolCall.objects.filter(state="waiting").exists()
    assert ended(bobs).state == GenerationState.SUCCEEDED


def test_an_open_stream_ends_and_the_next_request_is_nobody_s(
    engine: Engine, owner: User, ada: User, settings: Any
) -> None:
    settings.STREAM_PING_SECONDS = 0.05
    practice_model("steady")
    turn = factories.ask(ada, "500 tokens every 50 ms", model_name="practice-steady")
    until(lambda: GenerationEvent.objects.exists())
    client = Client()
    client.force_login(ada)
    page = client.get(turn.conversation.get_absolute_url())
    events = client.get(page.context["events_url"])._iterator
    next(events)

    people.deactivate(ada, by=owner)

    chunks = [chunk for _, chunk in zip(range(400), events, strict=False)]
    told, _, data = chunks[-1].partition(b"\ndata: ")
    assert told.startswith(b"event: end\n")
    assert json.loads(data) == {"reason": "signed-out"}
    assert hub.admitted == 0
    assert client.get("/").status_code == 302
    assert ended(turn, seconds=5).state == GenerationState.STOPPED


def test_sessions_are_gone_and_drafts_stay(owner: User, ada: User, bob: User) -> None:
    clients = [Client(), Client()]
    for client, person in zip(clients, (ada, bob), strict=True):
        client.force_login(person)
    Draft.objects.create(owner=ada, text="Half a thought")

    assert people.deactivate(ada, by=owner)

    assert [client.get("/").status_code for client in clients] == [302, 200]
    assert Session.objects.count() == 1
    assert Draft.objects.get().text == "Half a thought"
    assert not people.deactivate(ada, by=owner)


def test_a_send_that_was_on_its_way_is_refused(owner: User, ada: User) -> None:
    factories.model(is_default=True)
    on_its_way = User.objects.get(pk=ada.pk)
    people.deactivate(ada, by=owner)

    with pytest.raises(Refused, match="may not be used"):
        sending.send_message(None, author=on_its_way, send_id=uuid.uuid4(), text="Hi", model_name="")

    assert not Generation.objects.exists()


def test_who_is_activated_again_signs_in_again(owner: User, ada: User) -> None:
    people.deactivate(ada, by=owner)
    credentials = {"username": "ada", "password": "correct horse"}
    assert Client().post("/login/", credentials).status_code == 200

    assert people.activate(ada, by=owner)
    assert Client().post("/login/", credentials).status_code == 302


def test_nobody_deactivates_themselves_the_last_owner_or_somebody_above_them(owner: User, ada: User) -> None:
    roles.give(ada, RoleName.ADMIN, by=owner)

    for person, by in ((owner, owner), (owner, ada), (ada, ada)):
        with pytest.raises(Refused):
            people.deactivate(person, by=by)

    assert User.objects.filter(is_active=True).count() == 2
