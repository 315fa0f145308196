"""Turns with tools, on both wires: what is run, what is kept, and what is sent again."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from conversations.generation import claims, finishing, rounds
from conversations.generation.answering import Answering
from conversations.generation.engine import Engine
from conversations.generation.writer import Writer
from conversations.models import (
    Call,
    Generation,
    GenerationState,
    ToolCall,
    ToolCallState,
    User,
)
from conversations.practice.server import Gateway
from conversations.services import accepting, sending
from conversations.tools.registry import Asked
from tests import factories
from tests.generation.conftest import ended, practice_model, text_of
from tests.generation.turns_with_tools import GUIDE, QUESTION, SHIPPED, ask, states


@pytest.mark.parametrize("wire", ["chat_completions", "responses"])
def test_four_things_at_once_are_four_calls_and_one_answer(engine: Engine, ada: User, wire: str) -> None:
    practice_model("chat", wire=wire)

    turn = ask(ada, QUESTION, "practice-chat", tools=SHIPPED)

    assert ended(turn).state == GenerationState.SUCCEEDED
    assert {state for _, state in states(turn)} == {ToolCallState.SUCCEEDED}
    assert sorted(name for name, _ in states(turn)) == sorted(SHIPPED)
    result = ToolCall.objects.get(name="math_calculator")
    assert "580.2" in result.result
    assert "580.2" in text_of(turn)
    assert Call.objects.filter(generation__message=turn.answer, error_kind="").count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_guides_request_goes_out_word_for_word(ada: User, no_network: responses.RequestsMock) -> None:
    key = factories.gateway_key(base_url="https://api.chainhub.tech")
    factories.model(
        "gpt-4.1",
        key=key,
        wire="responses",
        is_streaming=False,
        default_parameters={"metadata": {"model_id": "32"}},
    )
    turn = ask(ada, QUESTION, "gpt-4.1", tools=SHIPPED)
    output = {"id": "m", "type": "message", "role": "assistant", "status": "completed"}
    output["content"] = [{"type": "output_text", "text": "Done.", "annotations": []}]
    no_network.post(
        "https://api.chainhub.tech/v1/responses",
        json={"id": "r", "object": "response", "status": "completed", "model": "gpt-4.1", "output": [output]},
    )
    Generation.objects.update(state="running", lease_owner=uuid.uuid4(), lease_until=timezone.now())

    Answering(factories.generation_of(turn), Writer(lambda steps: None)).run()

    assert json.loads(no_network.calls[0].request.body) == GUIDE
    assert text_of(turn) == "Done."


@pytest.mark.parametrize("wire", ["chat_completions", "responses"])
def test_five_rounds_are_sent_again_exactly_once(
    engine: Engine, ada: User, practice: Gateway, wire: str
) -> None:
    practice_model("rounds", wire=wire)
    turn = ask(ada, "5 rounds, please", "practice-rounds", tools=SHIPPED)
    assert ended(turn).state == GenerationState.SUCCEEDED
    assert len(states(turn)) == 10
    practice.reset()

    following = ask(ada, "And now?", "practice-rounds", tools=[], conversation=turn.conversation)

    ended(following)
    body = practice.seen()["requests"][0]["body"]
    asked, answered = calls_in(body, wire)
    assert len(asked) == 10
    assert in_turns(body, wire) == ["call", "call", "result", "result"] * 5
    assert asked == answered
    assert len(set(asked)) == 10


def in_turns(body: dict, wire: str) -> list[str]:
    """Return the order of calls and results: each round's results stand behind its calls."""
    order: list[str] = []
    for item in body["input"] if wire == "responses" else body["messages"]:
        kind = item.get("type")
        order += ["call"] * (len(item.get("tool_calls") or []) or int(kind == "function_call"))
        order += ["result"] * int(item.get("role") == "tool" or kind == "function_call_output")
    return order


def calls_in(body: dict, wire: str) -> tuple[list[str], list[str]]:
    """Return the ids of the calls and of the results, in the order in which a request carries them."""
    if wire == "responses":
        items = body["input"]
        return (
            [item["call_id"] for item in items if item.get("type") == "function_call"],
            [item["call_id"] for item in items if item.get("type") == "function_call_output"],
        )
    asked = [call["id"] for message in body["messages"] for call in message.get("tool_calls") or []]
    return asked, [message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"]


def test_slow_tools_run_at_the_same_time(engine: Engine, ada: User, made_up: Any) -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(asked: Asked) -> dict:
        both.wait()
        return {"met": True}

    made_up("current_time", meet)
    made_up("system_info", meet)
    practice_model("chat")

    turn = ask(ada, QUESTION, "practice-chat", tools=["system_info", "current_time"])

    assert ended(turn).state == GenerationState.SUCCEEDED
    assert {state for _, state in states(turn)} == {ToolCallState.SUCCEEDED}


@pytest.mark.parametrize("suffix", ["bad-arguments", "empty-arguments", "shared-index", "slow-arguments"])
def test_arguments_that_do_not_fit_are_told_to_the_model(engine: Engine, ada: User, suffix: str) -> None:
    practice_model(suffix)

    turn = ask(ada, QUESTION, f"practice-{suffix}", tools=SHIPPED)

    assert ended(turn).state == GenerationState.SUCCEEDED
    assert states(turn)
    if suffix == "bad-arguments":
        assert ToolCallState.FAILED in {state for _, state in states(turn)}
        assert ToolCallState.SUCCEEDED in {state for _, state in states(turn)}


def test_a_tool_that_breaks_or_says_too_much_costs_only_its_card(
    engine: Engine, ada: User, made_up: Any
) -> None:
    def broken(asked: Asked) -> dict:
        raise RuntimeError("secret of the house")

    made_up("current_time", broken)
    made_up("system_info", lambda asked: {"text": "x" * 1_000_000})
    practice_model("chat")

    turn = ask(ada, QUESTION, "practice-chat", tools=["system_info", "current_time"])

    assert ended(turn).state == GenerationState.SUCCEEDED
    failed = ToolCall.objects.get(name="current_time")
    assert failed.state == ToolCallState.FAILED
    assert "secret" not in failed.error
    assert len(ToolCall.objects.get(name="system_info").result) < 30_000


def test_a_model_that_never_stops_calling_comes_to_a_clear_end(engine: Engine, ada: User) -> None:
    practice_model("tool-loop")

    turn = ask(ada, QUESTION, "practice-tool-loop", tools=SHIPPED)

    generation = ended(turn, seconds=40)
    assert (generation.state, generation.error_kind) == (GenerationState.FAILED, "tool_limit")
    assert (
        ToolCall.objects.filter(generation=generation).values("round").distinct().count()
        <= rounds.MOST_ROUNDS
    )


def test_stop_in_the_middle_of_a_tool(engine: Engine, ada: User, made_up: Any) -> None:
    begun = threading.Event()

    def slow(asked: Asked) -> dict:
        begun.set()
        asked.stopped.wait(20)
        return {}

    made_up("current_time", slow, seconds=30.0)
    practice_model("chat")
    turn = ask(ada, QUESTION, "practice-chat", tools=["current_time"])
    assert begun.wait(10)

    sending.stop(turn.answer)

    assert ended(turn, seconds=5).state == GenerationState.STOPPED
    assert states(turn) == [("current_time", ToolCallState.STOPPED)]


def a_killed_round(ada: User, *, running: list[tuple[str, bool]]) -> accepting.Turn:
    """A turn whose server was killed while these tools (name, repeatable) ran."""
    turn = ask(ada, QUESTION, "practice-chat", tools=SHIPPED)
    generation = claims.claim_next(boot_id=uuid.uuid4(), now=timezone.now(), slots=8)
    assert generation
    for position, (name, is_repeatable) in enumerate(running):
        part = turn.answer.parts.create(position=position, kind="tool_call")
        ToolCall.objects.create(
            generation=generation,
            part=part,
            round=0,
            position=position,
            call_id=f"call_{position}",
            name=name,
            arguments_text="{}",
            is_repeatable=is_repeatable,
            state=ToolCallState.RUNNING,
        )
    Generation.objects.update(settled_seq=3, lease_until=timezone.now() - timedelta(minutes=1))
    generation.refresh_from_db()
    finishing.recover(generation)
    return turn


def test_after_a_kill_repeatable_tools_run_again_and_the_turn_goes_on(
    transactional_db: None, practice: Gateway, ada: User
) -> None:
    factories.gateway_key(base_url=practice.url)
    practice_model("chat")
    turn = a_killed_round(ada, running=[("current_time", True), ("random_generator", False)])
    engine = Engine(slots=4)
    engine.start()

    try:
        assert ended(turn).state == GenerationState.SUCCEEDED
    finally:
        engine.stop()
    assert states(turn)[:2] == [
        ("current_time", ToolCallState.SUCCEEDED),
        ("random_generator", ToolCallState.FAILED),
    ]


def test_after_a_kill_in_the_middle_of_a_request_nothing_is_asked_twice(ada: User, db: None) -> None:
    factories.gateway_key()
    practice_model("chat")
    turn = ask(ada, QUESTION, "practice-chat", tools=SHIPPED)
    generation = claims.claim_next(boot_id=uuid.uuid4(), now=timezone.now(), slots=8)
    assert generation
    part = turn.answer.parts.create(position=0, kind="tool_call")
    ToolCall.objects.create(
        generation=generation,
        part=part,
        round=0,
        position=0,
        name="current_time",
        state=ToolCallState.SUCCEEDED,
    )
    Call.objects.create(purpose="answer", generation=generation, key_name="Team key")

    finishing.recover(generation)

    generation.refresh_from_db()
    assert generation.state == GenerationState.INTERRUPTED
    assert Call.objects.get().error_kind == "engine_gone"


def test_reasoning_that_is_refused_is_left_out_once(engine: Engine, ada: User) -> None:
    practice_model("responses-thinking-forgets", wire="responses", has_thinking=True)
    turn = ask(ada, "Think", "practice-responses-thinking-forgets", tools=[])
    ended(turn)

    again = ask(ada, "More", "practice-responses-thinking-forgets", tools=[], conversation=turn.conversation)

    assert ended(again).state == GenerationState.SUCCEEDED
    kinds = list(Call.objects.filter(generation__message=again.answer).values_list("error_kind", flat=True))
    assert kinds == ["reasoning_refused", ""]
