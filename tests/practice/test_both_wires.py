"""What the practice gateway answers, the product's client reads, over either wire: whole turns with tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conversations.chainhub import events, wires
from conversations.chainhub.catalog import is_chat_model, wire_for
from conversations.chainhub.client import ChainHub
from conversations.chainhub.errors import ReasoningRefused, StreamBroken
from conversations.chainhub.messages import (
    ChatRequest,
    Message,
    OpaqueItem,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from conversations.practice import Gateway

EXAMPLE = Path(__file__).parent.parent / "chainhub" / "examples" / "responses-function-call.request.json"
PUBLISHED = json.loads(EXAMPLE.read_text(encoding="utf-8"))
FOUR_THINGS = PUBLISHED["input"][0]["content"]
TOOLS = tuple(Tool(tool["name"], tool["description"], tool["parameters"]) for tool in PUBLISHED["tools"])
BOTH = pytest.mark.parametrize("wire_name", ["chat_completions", "responses"])
# tests/conftest.py is not to mock the network.
pytestmark = pytest.mark.usefixtures("wire")
STREAMED = pytest.mark.parametrize("streamed", [True, False])


class Turn:
    """A person's question, and all rounds of its answer: what the engine will do, in short."""

    def __init__(self, gateway: Gateway, wire: str, model: str, asked: str, *, streamed: bool = True) -> None:
        self.hub = ChainHub(gateway.url, "sk-practice")
        self.wire = wire
        self.parts: list[Part] = []
        self.rounds: list[list[ToolCall]] = []
        question = Message("user", (Text(asked),))
        self.request = ChatRequest(model, (question,), stream=streamed, tools=TOOLS, tool_choice="auto")

    def run(self, *, most: int = 20) -> Turn:
        reason = "tool_calls"
        while reason == "tool_calls" and len(self.rounds) < most:
            reason = self.ask()
        return self

    def ask(self) -> str:
        messages = (*self.request.messages[:1], Message("assistant", tuple(self.parts)))
        request = replace(self.request, messages=messages if self.parts else self.request.messages)
        calls: dict[int, ToolCall] = {}
        reason = ""
        with self.hub.open_answer(request, wire=wires.by_name(self.wire)) as answer:
            for event in answer:
                match event:
                    case events.TextDelta(text):
                        self.parts.append(Text(text))
                    case events.Opaque(_, data):
                        self.parts.append(OpaqueItem(self.wire, data))
                    case events.ToolCallDelta(key, call_id, name, arguments):
                        old = calls.get(key, ToolCall("", "", ""))
                        calls[key] = ToolCall(
                            old.call_id + call_id, old.name + name, old.arguments + arguments
                        )
                    case events.Finished(word):
                        reason = word
        self.parts += calls.values()
        self.parts += [ToolResult(c.call_id, c.name, f"result of {c.name}") for c in calls.values()]
        if calls:
            self.rounds.append(list(calls.values()))
        return reason

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def arguments(calls: list[ToolCall]) -> Iterator[tuple[str, object]]:
    for call in calls:
        yield call.name, json.loads(call.arguments)


FOUR_CALLS = [
    ("random_generator", {"min": 1, "max": 100, "count": 3}),
    ("system_info", {}),
    ("math_calculator", {"a": 123.5, "b": 456.7, "operation": "add"}),
    ("current_time", {}),
]


@BOTH
@STREAMED
@pytest.mark.parametrize("model", ["chat", "tools", "thinking", "slow-arguments", "shared-index"])
def test_the_guides_four_things_run_in_parallel(
    gateway: Gateway, wire_name: str, streamed: bool, model: str
) -> None:
    turn = Turn(gateway, wire_name, f"practice-{model}", FOUR_THINGS, streamed=streamed).run()

    assert [list(arguments(calls)) for calls in turn.rounds] == [FOUR_CALLS]
    for name, _ in FOUR_CALLS:
        assert f"result of {name}" in turn.text
    assert {request["status"] for request in gateway.seen()["requests"]} == {200}


@BOTH
def test_five_rounds_send_every_call_once(gateway: Gateway, wire_name: str) -> None:
    turn = Turn(gateway, wire_name, "practice-rounds", "Please do 5 rounds").run()
    bodies = [request["body"] for request in gateway.seen()["requests"]]
    ids = [call.call_id for calls in turn.rounds for call in calls]

    assert [len(calls) for calls in turn.rounds] == [2] * 5
    assert "That were 5 rounds" in turn.text
    assert len(set(ids)) == 10
    for call_id in ids:
        # Once as the call, once as its result.
        assert json.dumps(bodies[-1]).count(f'"{call_id}"') == 2
    told = [list(arguments(calls)) for calls in turn.rounds]
    assert told[0] != told[2]


@BOTH
def test_a_loop_never_ends_by_itself(gateway: Gateway, wire_name: str) -> None:
    turn = Turn(gateway, wire_name, "practice-tool-loop", "Loop").run(most=7)

    assert [len(calls) for calls in turn.rounds] == [1] * 7


@BOTH
def test_broken_arguments_are_put_right_after_the_complaint(gateway: Gateway, wire_name: str) -> None:
    turn = Turn(gateway, wire_name, "practice-bad-arguments", "What is 2 * 3?").run()
    broken, right = (calls[0] for calls in turn.rounds)

    assert (broken.name, right.name) == ("math_calculator", "math_calculator")
    with pytest.raises(ValueError, match="Expecting|Unterminated"):
        json.loads(broken.arguments)
    assert json.loads(right.arguments) == {"a": 2, "b": 3, "operation": "multiply"}
    assert "result of math_calculator" in turn.text


@BOTH
def test_empty_arguments_are_nothing_at_all(gateway: Gateway, wire_name: str) -> None:
    turn = Turn(gateway, wire_name, "practice-empty-arguments", "What time is it?").run()

    assert [[(call.name, call.arguments) for call in calls] for calls in turn.rounds] == [
        [("current_time", "")]
    ]


@BOTH
@pytest.mark.parametrize(
    "model",
    ["rounds", "tool-loop", "bad-arguments", "empty-arguments", "shared-index", "slow-arguments", "tools"],
)
def test_without_tools_they_just_answer(gateway: Gateway, wire_name: str, model: str) -> None:
    turn = Turn(gateway, wire_name, f"practice-{model}", "Hello")
    turn.request = replace(turn.request, tools=(), tool_choice=None)

    assert turn.ask() == "stop"
    assert "practice answer" in turn.text


def test_reasoning_goes_back_and_is_taken(gateway: Gateway) -> None:
    turn = Turn(gateway, "responses", "practice-responses-thinking", FOUR_THINGS).run()
    sent = gateway.seen()["requests"][-1]["body"]
    kinds = [item.get("type", item.get("role")) for item in sent["input"]]

    assert kinds == ["user", "reasoning"] + ["function_call"] * 4 + ["function_call_output"] * 4
    assert (sent["store"], sent["include"]) == (False, ["reasoning.encrypted_content"])
    assert sum(isinstance(part, OpaqueItem) for part in turn.parts) == 2


def test_refused_reasoning_can_be_left_out(gateway: Gateway) -> None:
    turn = Turn(gateway, "responses", "practice-responses-thinking-forgets", FOUR_THINGS)
    turn.ask()
    with pytest.raises(ReasoningRefused) as caught:
        turn.ask()
    turn.request = replace(turn.request, without_opaque=True)

    assert (caught.value.kind, caught.value.may_be_billed) == ("reasoning_refused", False)
    assert turn.ask() == "stop"


def test_a_missing_end_is_forgiven_for_words_alone(gateway: Gateway) -> None:
    words = Turn(gateway, "responses", "practice-no-end", "Hello")
    calls = Turn(gateway, "responses", "practice-no-end", FOUR_THINGS)

    assert words.ask() == "stop"
    with pytest.raises(StreamBroken):
        calls.ask()
    with pytest.raises(StreamBroken):
        Turn(gateway, "chat_completions", "practice-no-end", "Hello").ask()


def test_a_restart_is_told(gateway: Gateway) -> None:
    hub = ChainHub(gateway.url, "sk-practice")
    request = ChatRequest("practice-restart", (Message("user", (Text("Hi"),)),))
    with hub.open_answer(request, wire=wires.by_name("responses")) as answer:
        kinds = [type(event) for event in answer]

    assert kinds.count(events.Restarted) == 1


def test_the_list_says_which_wire_each_model_uses(gateway: Gateway) -> None:
    models = ChainHub(gateway.url, "sk-practice").models()

    assert all(is_chat_model(model) for model in models)
    assert {model.name for model in models if wire_for(model) == "responses"} == {
        "practice-responses",
        "practice-responses-thinking",
        "practice-responses-thinking-forgets",
        "practice-responses-tools",
        "practice-responses-steady",
    }


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ("What is 7 minus 2, and 2^10?", [("subtract", 7, 2), ("power", 2, 10)]),
        ("3 x 4; 9 / 3; -1.5 + 2; 2 to the power of 3",
         [("multiply", 3, 4), ("divide", 9, 3), ("add", -1.5, 2), ("power", 2, 3)]),
        ("On 2026-02-08 I was there 24/7", []),
    ],
)  # fmt: skip
def test_sums_are_read_from_the_question(
    gateway: Gateway, asked: str, calls: list[tuple[str, float, float]]
) -> None:
    turn = Turn(gateway, "responses", "practice-chat", asked)
    turn.ask()

    found = [json.loads(call.arguments) for made in turn.rounds for call in made]
    assert [(one["operation"], one["a"], one["b"]) for one in found] == calls


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Give me five random integers from 10 to 20", {"min": 10, "max": 20, "count": 5}),
        ("A random number, please", {}),
        ("Roll the dice", {}),
    ],
)
def test_random_numbers_are_read_from_the_question(
    gateway: Gateway, asked: str, expected: dict[str, int]
) -> None:
    turn = Turn(gateway, "chat_completions", "practice-chat", asked)
    turn.ask()

    assert list(arguments(turn.rounds[0])) == [("random_generator", expected)]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("Search my conversations for whales", ["whales"]),
        ("Find messages about the “blue whale”.", ["blue whale"]),
        ("Look at the sea", []),
    ],
)
def test_words_to_search_for_are_read_from_the_question(
    gateway: Gateway, asked: str, words: list[str]
) -> None:
    schema = {
        "type": "object",
        "properties": {"query": {"type": "string"}, "limit": {"type": "integer", "minimum": 5}},
        "required": ["query", "limit"],
    }
    turn = Turn(gateway, "responses", "practice-chat", asked)
    turn.request = replace(turn.request, tools=(Tool("search_conversations", "", schema),))
    turn.ask()

    made = [json.loads(call.arguments) for calls in turn.rounds for call in calls]
    assert made == [{"query": word, "limit": 5} for word in words]
