"""What admins set of a model holds when its answer is made, whatever was so when it was asked for."""

from __future__ import annotations

import json
import uuid

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from conversations.chainhub import messages as wire
from conversations.generation import model_limits, requests
from conversations.generation.answering import Answering
from conversations.generation.writer import Writer
from conversations.models import (
    Call,
    Generation,
    GenerationState,
    Model,
    Part,
    PartKind,
    ToolCall,
    ToolCallState,
)
from tests import factories

CHAT = f"{factories.GATEWAY}/v1/chat/completions"


def request_for(turn) -> wire.ChatRequest:
    generation = factories.generation_of(turn)
    return requests.request_for(generation, model=Model.objects.get(pk=generation.model_id))


def answered(turn):
    """Make the answer of a turn in this thread; return its generation."""
    Generation.objects.update(state="running", lease_owner=uuid.uuid4(), lease_until=timezone.now())
    Answering(factories.generation_of(turn), Writer(lambda steps: None)).run()
    return factories.generation_of(turn)


@pytest.mark.parametrize("what", ["group", "switch"])
def test_a_model_that_was_taken_away_while_the_question_waited_is_refused_and_not_asked(ada, what):
    model = factories.model("deep")
    group = Group.objects.create(name="Research")
    ada.groups.add(group)
    model.groups.add(group)
    turn = factories.ask(ada, model_name="deep")
    if what == "group":
        ada.groups.remove(group)
    else:
        Model.objects.update(is_enabled=False)

    generation = answered(turn)

    assert generation.state == GenerationState.FAILED
    assert generation.error_kind == "model_taken_away"
    assert "deep is not offered to you any more" in generation.error_text
    assert not Call.objects.exists()


def test_who_may_still_use_it_gets_the_answer(ada, no_network):
    model = factories.model("deep", is_streaming=False)
    group = Group.objects.create(name="Research")
    ada.groups.add(group)
    model.groups.add(group)
    reply = {"choices": [{"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}]}
    no_network.post(CHAT, json=reply)

    assert answered(factories.ask(ada, model_name="deep")).state == GenerationState.SUCCEEDED
    assert json.loads(no_network.calls[0].request.body)["model"] == "deep"


# --- How much --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "default", "chosen", "sent"),
    [
        (None, {}, {}, {}),
        (None, {"max_tokens": 9}, {}, {"max_tokens": 9}),
        (100, {}, {}, {"max_tokens": 100}),
        (100, {}, {"max_tokens": 50}, {"max_tokens": 50}),
        (100, {}, {"max_tokens": 500}, {"max_tokens": 100}),
        (100, {"max_tokens": 500}, {"temperature": 1}, {"max_tokens": 100, "temperature": 1}),
        (100, {"max_completion_tokens": 500}, {}, {"max_completion_tokens": 100}),
        (100, {"top_p": 0.5}, {"max_tokens": 500}, {"top_p": 0.5, "max_tokens": 100}),
    ],
)
def test_no_answer_is_asked_to_be_longer_than_the_model_s_limit(limit, default, chosen, sent):
    model = Model(name="m", max_output=limit, default_parameters=default)

    assert model_limits.parameters_of(model, chosen) == sent


def test_the_limit_goes_out_with_the_request(ada):
    factories.model("m", is_default=True, max_output=256)

    assert request_for(factories.ask(ada)).parameters == {"max_tokens": 256}


# --- Tools -----------------------------------------------------------------------------------------


@pytest.fixture
def with_a_call(ada):
    """A second question, after an answer that called a tool; the tool is still switched on."""
    factories.model("m", is_default=True)
    first = factories.ask(ada)
    generation = factories.generation_of(first)
    part = Part.objects.create(message=first.answer, position=0, kind=PartKind.TOOL_CALL)
    ToolCall.objects.create(
        generation=generation, part=part, round=0, position=0, call_id="c1", name="current_time",
        arguments_text="{}", result="noon", state=ToolCallState.SUCCEEDED,
    )  # fmt: skip
    Part.objects.create(message=first.answer, position=1, kind=PartKind.TEXT, text="It is noon.", round=1)
    factories.end(first)
    conversation = first.conversation
    conversation.refresh_from_db()
    conversation.parameters = {"tools": ["current_time"]}
    conversation.save()
    return factories.ask(ada, "And now?", conversation=conversation)


def test_a_model_that_uses_tools_is_offered_them(with_a_call):
    request = request_for(with_a_call)

    assert [tool.name for tool in request.tools] == ["current_time"]
    assert any(isinstance(part, wire.ToolCall) for message in request.messages for part in message.parts)


def test_a_model_without_tools_is_offered_none_and_told_of_earlier_calls_in_words(with_a_call):
    Model.objects.update(has_tools=False)

    request = request_for(with_a_call)

    assert request.tools == ()
    assert request.tool_choice is None
    parts = [part for message in request.messages for part in message.parts]
    assert {type(part) for part in parts} == {wire.Text}
    said = "".join(part.text for part in parts)
    assert "[The tool current_time was called with {}]" in said
    assert "[The tool current_time answered: noon]" in said
    assert said.index("answered: noon") < said.index("It is noon.")


def test_a_provider_s_own_item_does_not_stand_alone():
    item = wire.OpaqueItem("responses", {"type": "reasoning"})
    with_call = wire.Message("assistant", (item, wire.ToolCall("c", "t", "{}")))
    without = wire.Message("assistant", (item, wire.Text("Yes.")))

    told = model_limits.without_tools([with_call, without])

    assert [type(part) for part in told[0].parts] == [wire.Text]
    assert told[1] == without
