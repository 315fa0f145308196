"""Tool calls that wait for a person."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.generation.engine import Engine
from conversations.models import GenerationState, ToolApproval, ToolCall, ToolCallState, User
from conversations.practice.server import Gateway
from conversations.services import approving
from conversations.services.approving import Decision
from conversations.services.errors import Refused
from tests import factories
from tests.generation.conftest import ended, practice_model
from tests.generation.turns_with_tools import QUESTION, ask, states
from tests.waiting import until


def test_a_call_that_needs_an_approval_waits_over_a_restart_and_runs_then(
    engine: Engine, ada: User, bob: User, made_up: Any
) -> None:
    made_up("current_time", lambda asked: {"time": "noon"}, needs_approval=True)
    practice_model("chat")
    turn = ask(ada, QUESTION, "practice-chat", tools=["current_time"])
    until(lambda: factories.generation_of(turn).state == GenerationState.WAITING)
    engine.stop()
    call = ToolCall.objects.get()
    with pytest.raises(Refused):
        approving.decide(call, person=bob, decision=Decision.ONCE)
    second = Engine(slots=4)
    second.start()

    try:
        approving.decide(call, person=ada, decision=Decision.ONCE)

        assert ended(turn).state == GenerationState.SUCCEEDED
    finally:
        second.stop()
    assert states(turn) == [("current_time", ToolCallState.SUCCEEDED)]
    assert not ToolApproval.objects.exists()
    with pytest.raises(Refused, match="already"):
        approving.decide(call, person=ada, decision=Decision.ONCE)


def test_a_denial_is_told_to_the_model(engine: Engine, ada: User, practice: Gateway, made_up: Any) -> None:
    made_up("current_time", lambda asked: {"time": "noon"}, needs_approval=True)
    practice_model("chat")
    turn = ask(ada, QUESTION, "practice-chat", tools=["current_time"])
    until(lambda: factories.generation_of(turn).state == GenerationState.WAITING)

    approving.decide(ToolCall.objects.get(), person=ada, decision=Decision.DENY)

    assert ended(turn).state == GenerationState.SUCCEEDED
    results = [m for m in practice.seen()["requests"][-1]["body"]["messages"] if m["role"] == "tool"]
    assert "denied" in results[0]["content"]


def test_a_standing_approval_is_for_one_definition(engine: Engine, ada: User, made_up: Any) -> None:
    made_up("current_time", lambda asked: {"time": "noon"}, needs_approval=True)
    practice_model("chat")
    turn = ask(ada, QUESTION, "practice-chat", tools=["current_time"])
    until(lambda: factories.generation_of(turn).state == GenerationState.WAITING)
    approving.decide(ToolCall.objects.get(), person=ada, decision=Decision.ALWAYS)
    ended(turn)

    again = ask(ada, QUESTION, "practice-chat", tools=["current_time"], conversation=turn.conversation)
    made = ended(again)
    assert made.state == GenerationState.SUCCEEDED, (made.error_kind, made.error_detail)

    ToolApproval.objects.update(definition_hash="another")
    third = ask(ada, QUESTION, "practice-chat", tools=["current_time"], conversation=turn.conversation)
    until(lambda: factories.generation_of(third).state == GenerationState.WAITING)


def test_what_read_private_text_may_not_carry_it_away_by_itself(
    engine: Engine, ada: User, made_up: Any
) -> None:
    made_up("system_info", lambda asked: {"diary": "…"}, reads_private=True)
    made_up("current_time", lambda asked: {"sent": True}, sends_out=True)
    practice_model("rounds")

    turn = ask(ada, "1 rounds", "practice-rounds", tools=["system_info"])
    ended(turn)
    again = ask(ada, QUESTION, "practice-rounds", tools=["current_time"], conversation=turn.conversation)

    until(lambda: factories.generation_of(again).state == GenerationState.WAITING)
