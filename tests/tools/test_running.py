"""One tool at work, whatever it does."""

from __future__ import annotations

import json
import logging
import threading
import time

import pytest
from django.db import DatabaseError, connection, connections
from django.http import Http404

from conversations.models import Conversation, ToolCallState, User
from conversations.services.errors import Refused
from conversations.tools import outcomes, places
from conversations.tools.registry import Asked
from tests import factories
from tests.tools.making import NOW, SOMEBODY, SOMEWHERE, run, tool, tool_threads, until


def test_a_tool_gets_its_arguments_its_person_and_the_time() -> None:
    seen: list[Asked] = []
    wants = {"type": "object", "properties": {"share": {"type": "number"}}}

    outcome = run(tool(lambda asked: seen.append(asked), parameters=wants), '{"share": 0.5}')

    assert outcome.state == ToolCallState.SUCCEEDED
    assert outcome.result == outcome.for_model == "null"
    assert outcome.error == ""
    # What the row holds is JSON: no Decimal.
    assert outcome.arguments == {"share": 0.5}
    assert type(outcome.arguments["share"]) is float
    assert (seen[0].person, seen[0].conversation, seen[0].now) == (SOMEBODY, SOMEWHERE, NOW)


def test_arguments_that_do_not_fit_cost_nothing_and_are_told() -> None:
    called = []
    wants = {"type": "object", "properties": {"count": {"type": "integer"}}}

    outcome = run(tool(lambda asked: called.append(1), parameters=wants), '{"count": "three"}')

    assert outcome.state == ToolCallState.FAILED
    assert outcome.for_model == outcome.error == "`count` must be an integer, not text."
    assert outcome.arguments is None
    assert not called


def test_a_refusal_is_told_in_its_own_words() -> None:
    def refuse(asked: Asked) -> object:
        raise Refused("Division by zero has no result.")

    outcome = run(tool(refuse))

    assert (outcome.state, outcome.error) == (ToolCallState.FAILED, "Division by zero has no result.")
    assert outcome.arguments == {}


def test_an_id_of_somebody_else_is_nothing() -> None:
    def look(asked: Asked) -> object:
        raise Http404("conversation 12 of eve")

    assert run(tool(look)).error == outcomes.NOT_FOUND


def test_a_tool_that_raises_is_logged_without_what_it_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    wants = {"type": "object", "properties": {"word": {"type": "string"}}}

    def broken(asked: Asked) -> object:
        return int(asked.arguments["word"])

    outcome = run(tool(broken, parameters=wants), '{"word": "my diagnosis"}')

    assert (outcome.state, outcome.error) == (ToolCallState.FAILED, outcomes.BROKE)
    assert outcome.arguments == {"word": "my diagnosis"}
    record = caplog.records[-1]
    assert record.levelno == logging.ERROR
    assert "made_up broke: ValueError" in record.getMessage()
    assert "in broken" in record.getMessage()
    assert "diagnosis" not in caplog.text


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_a_result_that_json_cannot_hold_is_a_failure(value: object) -> None:
    assert run(tool(lambda asked: value)).error == outcomes.UNUSABLE


def test_a_result_that_contains_itself_is_a_failure() -> None:
    loop: list[object] = []
    loop.append(loop)

    assert run(tool(lambda asked: loop)).error == outcomes.UNUSABLE


def test_a_tool_that_ends_its_thread_is_a_failure() -> None:
    def leave(asked: Asked) -> object:
        raise SystemExit

    assert run(tool(leave, seconds=5)).error == outcomes.BROKE


def test_a_tool_that_hangs_costs_its_time_limit_and_is_left_behind(gate: threading.Event) -> None:
    given_up = []

    def hang(asked: Asked) -> object:
        assert not asked.is_given_up
        gate.wait(20)
        given_up.append(asked.is_given_up)
        return "too late"

    began = time.monotonic()
    outcome = run(tool(hang, seconds=0.2))

    assert 0.2 <= time.monotonic() - began < 5
    assert outcome.state == ToolCallState.FAILED
    assert outcome.error == "The tool did not end within 0.2 seconds."
    assert outcome.seconds >= 0.2
    assert len(tool_threads()) == places.everyones.taken == 1
    assert tool_threads()[0].daemon
    gate.set()
    until(lambda: not tool_threads())
    assert given_up == [True]


def test_a_tool_that_spins_costs_its_time_limit_too(gate: threading.Event) -> None:
    def spin(asked: Asked) -> object:
        while not asked.is_given_up:
            pass
        return None

    outcome = run(tool(spin, seconds=0.2))

    assert outcome.error == "The tool did not end within 0.2 seconds."


def test_a_tool_that_returns_a_megabyte_is_cut() -> None:
    outcome = run(tool(lambda asked: {"text": "ä" * 1_000_000}, result_limit=5_000))

    assert outcome.state == ToolCallState.SUCCEEDED
    assert len(outcome.result) <= 5_000
    assert "of its 1,000,012 characters were left out" in json.loads(outcome.result)["cut"]


def test_secrets_that_went_out_do_not_come_back() -> None:
    def refuse(asked: Asked) -> object:
        raise Refused("no: sk-123")

    assert run(tool(lambda asked: "it is sk-123"), secrets=["sk-123"]).result == '"it is [redacted]"'
    assert run(tool(refuse), secrets=["sk-123"]).error == "no: [redacted]"


def test_a_stop_ends_the_waiting_at_once(gate: threading.Event) -> None:
    stopped = threading.Event()
    begun = threading.Event()

    def hang(asked: Asked) -> object:
        begun.set()
        gate.wait(20)
        return asked.stopped.is_set()

    def stop() -> None:
        begun.wait(5)
        stopped.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    began = time.monotonic()
    outcome = run(tool(hang, seconds=20), stopped=stopped)
    stopper.join()

    assert time.monotonic() - began < 3
    assert (outcome.state, outcome.error) == (ToolCallState.STOPPED, outcomes.STOPPED)


def test_a_machine_without_threads_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)

    assert run(tool(lambda asked: 1)).error == outcomes.BROKE


@pytest.mark.django_db(transaction=True)
def test_a_tool_reads_in_a_connection_of_its_own_and_closes_it() -> None:
    ada = factories.person("ada")
    turn = factories.ask(ada, "Where is the lighthouse?")
    seen = []

    def count(asked: Asked) -> object:
        number = Conversation.objects.visible_to(asked.person).count()
        seen.append((connection.connection, threading.current_thread()))
        return number

    outcome = run(tool(count), person=ada, conversation=turn.question.conversation)

    assert outcome.result == "1"
    assert seen[0][1] is not threading.current_thread()
    assert seen[0][0] is not connection.connection
    with pytest.raises(Exception, match="closed"):
        seen[0][0].execute("SELECT 1")
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_tool_that_breaks_or_hangs_in_a_query_closes_its_connection_too(gate: threading.Event) -> None:
    seen = []

    def hang(asked: Asked) -> object:
        User.objects.count()
        seen.append(connection.connection)
        gate.wait(20)
        raise RuntimeError

    run(tool(hang, seconds=0.2))
    gate.set()
    until(lambda: not tool_threads())

    with pytest.raises(Exception, match="closed"):
        seen[0].execute("SELECT 1")


def test_a_connection_that_cannot_be_closed_costs_the_result_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise DatabaseError

    monkeypatch.setattr(connections, "close_all", broken)

    assert run(tool(lambda asked: 1)).result == "1"
