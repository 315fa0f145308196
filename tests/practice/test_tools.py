"""The models call tools, and answer from the results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversations.practice import Gateway
from tests.practice.asking import say

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 3},
                "note": {"type": "string"},
            },
            "required": ["city", "unit", "days"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "current_time", "parameters": {"type": "object"}}}


def test_parallel_calls_come_in_pieces_and_are_answered(gateway: Gateway) -> None:
    answer = say(gateway, "Weather?", model="practice-tools", tools=[TOOL], stream=True)
    calls: dict[int, dict[str, str]] = {}
    for piece in [call for delta in answer.deltas for call in delta.get("tool_calls", [])]:
        call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
        call["id"] += piece.get("id", "")
        call["name"] += piece["function"].get("name", "")
        call["arguments"] += piece["function"]["arguments"]
    arguments = [json.loads(call["arguments"]) for call in calls.values()]

    assert answer.finish_reasons == ["tool_calls"]
    assert answer.text == "I ask the tools first."
    assert [call["name"] for call in calls.values()] == ["get_weather", "get_weather"]
    assert arguments == [
        {"city": "Paris", "unit": "celsius", "days": 3},
        {"city": "Oslo", "unit": "fahrenheit", "days": 4},
    ]
    assert len({call["id"] for call in calls.values()}) == 2


def test_results_of_tools_are_answered_from(gateway: Gateway) -> None:
    first = say(gateway, "Weather?", model="practice-tools", tools=[TOOL, CLOCK])
    asked = first.json["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": f"result of {call['function']['name']}"}
        for call in asked["tool_calls"]
    ]
    turns = [
        "Weather?",
        {"role": "assistant", "content": asked["content"], "tool_calls": asked["tool_calls"]},
    ]
    second = say(gateway, *turns, *results, model="practice-tools", tools=[TOOL, CLOCK])

    assert first.json["choices"][0]["finish_reason"] == "tool_calls"
    assert second.json["choices"][0]["finish_reason"] == "stop"
    assert "result of get_weather" in second.text
    assert "result of current_time" in second.text


@pytest.mark.parametrize(
    ("text", "choice", "called"),
    [
        ("What is the current time?", "auto", ["current_time"]),
        ("Use get_weather", "auto", ["get_weather"]),
        ("Try a tool", "auto", ["get_weather"]),
        ("Hello", "auto", []),
        ("Use get_weather", "none", []),
        ("Hello", "required", ["get_weather"]),
        ("Hello", {"type": "function", "function": {"name": "current_time"}}, ["current_time"]),
    ],
)
def test_practice_chat_calls_a_tool_when_asked(
    gateway: Gateway, text: str, choice: Any, called: list[str]
) -> None:
    message = say(gateway, text, tools=[TOOL, CLOCK], tool_choice=choice).json["choices"][0]["message"]

    assert [call["function"]["name"] for call in message.get("tool_calls", [])] == called


def test_calls_may_share_an_index(gateway: Gateway) -> None:
    answer = say(gateway, "Weather?", model="practice-shared-index", tools=[TOOL, CLOCK], stream=True)
    pieces = [call for delta in answer.deltas for call in delta.get("tool_calls", [])]

    assert {piece["index"] for piece in pieces} == {0}
    assert len({piece["id"] for piece in pieces if "id" in piece}) == 2
    assert answer.text == ""


def test_slow_arguments_come_a_few_characters_at_a_time(gateway: Gateway) -> None:
    answer = say(gateway, "Weather?", model="practice-slow-arguments", tools=[TOOL], stream=True)
    pieces = [call["function"] for delta in answer.deltas for call in delta.get("tool_calls", [])]

    assert pieces[0] == {"name": "get_weather", "arguments": ""}
    assert all(len(piece["arguments"]) <= 6 for piece in pieces)
    assert sum(bool(piece["arguments"]) for piece in pieces) > 10
