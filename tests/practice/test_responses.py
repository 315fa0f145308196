"""POST /v1/responses: the answers of the practice models in the Responses format."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from conversations.practice import Gateway
from conversations.practice.reasoning import seal
from tests.practice.asking import (
    RESPONSES,
    Answer,
    ask,
    get,
    open_stream,
    read_on,
    respond,
    wait_until,
)
from tests.practice.test_models import ANSWERING, ONLY_RESPONSES, PARTIAL, REFUSING
from tests.practice.test_tools import CLOCK, TOOL

FLAT = [{"type": "function", **tool["function"]} for tool in (TOOL, CLOCK)]
THINK = {"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}
CUT = [
    ("-cut", http.client.IncompleteRead),
    ("-cut-politely", None),
    ("-reset", ConnectionResetError),
    ("-done-only", None),
]


def kinds(answer: Answer) -> list[str]:
    return [event["type"].removeprefix("response.") for event in answer.events if event != "[DONE]"]


def text(answer: Answer) -> str:
    return "".join(e["delta"] for e in answer.events if e.get("type") == "response.output_text.delta")


def stream(gateway: Gateway, suffix: str = "-responses", asked: Any = "Hello", **fields: Any) -> Answer:
    return respond(gateway, suffix, asked, stream=True, **fields)


def last(answer: Answer) -> dict[str, Any]:
    response: dict[str, Any] = answer.events[-1]["response"]
    return response


@pytest.mark.parametrize("suffix", [s for s in ANSWERING if s != "-json"] + ONLY_RESPONSES)
def test_a_stream_is_whole(gateway: Gateway, suffix: str) -> None:
    answer = stream(gateway, suffix)
    told = last(answer)

    assert (answer.status, answer.broken_by) == (200, None)
    assert answer.headers["content-type"] == "text/event-stream"
    assert kinds(answer)[:2] == ["created", "in_progress"]
    assert kinds(answer)[-2:] == ["output_item.done", "completed"]
    assert (told["object"], told["status"], told["error"]) == ("response", "completed", None)
    assert text(answer).endswith(told["output"][-1]["content"][0]["text"])
    assert told["usage"]["total_tokens"] > told["usage"]["output_tokens"] > 0
    assert gateway.seen()["requests"][-1]["ended"] == "answered"


@pytest.mark.parametrize("suffix", [s for s in ANSWERING if s != "-stream"] + ONLY_RESPONSES)
def test_an_answer_in_one_object_is_whole(gateway: Gateway, suffix: str) -> None:
    answer = respond(gateway, suffix)

    assert answer.headers["content-type"].startswith("application/json")
    assert (answer.json["object"], answer.json["status"]) == ("response", "completed")
    assert answer.json["output"][-1]["content"][0]["text"]
    assert answer.json["usage"]["input_tokens"] > 0


def test_the_events_are_those_of_the_documented_transcript(gateway: Gateway) -> None:
    answer = stream(gateway)
    told = kinds(answer)

    assert [kind for kind in told if kind != "output_text.delta"] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in answer.events] == list(range(len(told)))
    assert answer.body.startswith(b'event: response.created\ndata: {"type":"response.created"')
    assert b"[DONE]" not in answer.body
    item = answer.events[2]["item"]
    assert {e["item_id"] for e in answer.events if "item_id" in e} == {item["id"]}
    assert item["id"].startswith("msg_")
    assert answer.events[0]["response"]["status"] == "in_progress"


def test_calls_are_items_side_by_side(gateway: Gateway) -> None:
    answer = stream(gateway, "-responses-tools", "Weather?", tools=FLAT[:1])
    output = last(answer)["output"]
    pieces: dict[int, str] = {}
    for event in answer.events:
        if event["type"] == "response.function_call_arguments.delta":
            pieces[event["output_index"]] = pieces.get(event["output_index"], "") + event["delta"]

    assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
    assert pieces == {1: output[1]["arguments"], 2: output[2]["arguments"]}
    assert output[1]["arguments"] != output[2]["arguments"]
    assert len({item["call_id"] for item in output[1:]} | {item["id"] for item in output}) == 5
    whole = respond(gateway, "-responses-tools", "Weather?", tools=FLAT[:1]).json["output"]
    assert [item | {"id": ""} for item in whole] == [item | {"id": ""} for item in output]


def test_thinking_is_told_only_where_a_summary_is_asked_for(gateway: Gateway) -> None:
    told, silent = stream(gateway, "-responses-thinking", **THINK), stream(gateway, "-responses-thinking")
    thoughts = [e for e in told.events if e["type"] == "response.reasoning_summary_text.delta"]
    item, other = last(told)["output"][0], last(silent)["output"][0]

    assert "".join(e["delta"] for e in thoughts) == item["summary"][0]["text"]
    assert item["encrypted_content"] == seal(item["id"])
    assert (other["summary"], "encrypted_content" in other) == ([], False)
    assert not any("summary" in kind for kind in kinds(silent))
    assert last(silent)["usage"]["output_tokens_details"]["reasoning_tokens"] == len(thoughts)
    whole = respond(gateway, "-responses-thinking", **THINK).json["output"][0]
    assert whole["summary"] == item["summary"]


def test_the_request_is_told_in_the_answer(gateway: Gateway) -> None:
    fields = {"metadata": {"model_id": "32"}, "tools": FLAT, "tool_choice": "none", "store": False}
    told = respond(gateway, instructions="Be kind.", **fields).json

    assert {name: told[name] for name in fields} == fields
    assert (told["instructions"], told["temperature"], told["user"]) == ("Be kind.", 1.0, None)
    assert "The system prompt says: “Be kind.”" in told["output"][0]["content"][0]["text"]


def test_the_length_limit_makes_it_incomplete(gateway: Gateway) -> None:
    answer = stream(gateway, max_output_tokens=16)
    told, whole = last(answer), respond(gateway, "-length").json

    assert kinds(answer)[-1] == "incomplete"
    for response in (told, whole):
        assert (response["status"], response["incomplete_details"]) == (
            "incomplete",
            {"reason": "max_output_tokens"},
        )
        assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(("suffix", "status", "kind", "code"), REFUSING)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_refusal_has_its_shape(
    gateway: Gateway, suffix: str, status: int, kind: str, code: str, streamed: bool
) -> None:
    answer = respond(gateway, suffix, stream=streamed)

    assert answer.status == status
    assert (answer.error["type"], answer.error["code"]) == (kind, code)
    assert ("event-stream" in answer.headers["content-type"]) is streamed


@pytest.mark.parametrize(("suffix", "broken_by"), CUT)
def test_a_broken_stream_shows_its_beginning(
    gateway: Gateway, suffix: str, broken_by: type[Exception] | None
) -> None:
    answer = stream(gateway, suffix)

    assert answer.broken_by is broken_by
    assert "".join(e["delta"] for e in answer.events if "delta" in e).startswith(PARTIAL)
    assert not {"completed", "output_item.done"} & set(kinds(answer))
    assert (answer.events[-1] == "[DONE]") is (suffix == "-done-only")


def test_errors_inside_the_stream_come_in_three_shapes(gateway: Gateway) -> None:
    event, failed = stream(gateway, "-error-chunk").events, stream(gateway, "-failed").events
    bare = stream(gateway, "-bare-error")

    assert (event[-2]["type"], event[-2]["code"], event[-1]) == ("error", "server_error", "[DONE]")
    assert (failed[-1]["type"], last(stream(gateway, "-failed"))["status"]) == ("response.failed", "failed")
    assert failed[-1]["response"]["error"]["code"] == "server_error"
    assert bare.events[-1]["bare"]["error"]["code"] == "overloaded_error"


def test_no_end_is_a_whole_message_without_completed(gateway: Gateway) -> None:
    answer = stream(gateway, "-no-end")

    assert kinds(answer)[-1] == "output_item.done"
    assert answer.broken_by is None
    assert respond(gateway, "-no-end").json["status"] == "in_progress"


def test_restart_begins_again_under_a_new_id(gateway: Gateway) -> None:
    answer = stream(gateway, "-restart")
    ids = [e["response"]["id"] for e in answer.events if e["type"] == "response.created"]

    assert len(set(ids)) == 2
    assert last(answer)["id"] == ids[1]
    assert [item["content"][0]["text"][:10] for item in last(answer)["output"]] == ["The answer"]
    assert respond(gateway, "-restart").json["output"][0]["content"][0]["text"].startswith("The answer")


def test_manners_spoil_the_bytes_here_too(gateway: Gateway) -> None:
    ping, crlf = stream(gateway, "-ping").body, stream(gateway, "-crlf").body

    assert ping.startswith(b": PING\n\n")
    assert ping.count(b": PING\n\n") > 3
    assert crlf.count(b"\n") == crlf.count(b"\r\n") > 10
    assert "👩‍🚀🇫🇷" in text(stream(gateway, "-split"))
    assert stream(gateway, "-json").json["object"] == "response"
    assert kinds(respond(gateway, "-stream"))[-1] == "completed"
    assert last(stream(gateway, "-no-usage"))["usage"] is None
    assert respond(gateway, "-no-usage").json["usage"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": FLAT, "tool_choice": {"type": "function", "name": "current_time"}},
        {"instructions": [{"type": "input_text", "text": "Be kind."}]},
    ],
)
def test_what_the_gateway_can_not_read_it_loses(gateway: Gateway, fields: dict[str, Any]) -> None:
    answer, whole = stream(gateway, **fields), respond(gateway, **fields)

    assert kinds(answer)[0] == "output_item.added"
    assert kinds(answer)[-1] == "output_item.done"
    assert (whole.status, whole.error["code"]) == (500, "bad_response_body")


def test_silence_stays_open(gateway: Gateway) -> None:
    body = {"model": "practice-silence", "input": "Hello", "stream": True}
    with open_stream(gateway, body, path=RESPONSES) as connection:
        connection.settimeout(0.5)
        received, broken_by = read_on(connection)

    assert broken_by is TimeoutError
    assert b"response.output_text.delta" in received
    wait_until(lambda: gateway.seen()["requests"][-1]["ended"] == "client went away")


def test_bodies_are_seen_and_keys_asked_for(gateway: Gateway) -> None:
    respond(gateway, text=[{"role": "user", "content": "Hello"}], metadata={"a": "b"})
    seen = gateway.seen()["requests"][0]
    refused = ask(gateway, {"model": "practice-responses", "input": "Hi"}, key=None, path=RESPONSES)

    assert (seen["path"], seen["body"]["metadata"]) == ("/v1/responses", {"a": "b"})
    assert seen["tokens"] > 0
    assert refused.status == 401
    assert get(gateway, "/v1/responses").status == 404
