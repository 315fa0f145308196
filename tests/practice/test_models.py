"""Every practice model does what the table says, streamed and not."""

from __future__ import annotations

import http.client

import pytest

from conversations.practice import Gateway
from conversations.practice.models import MODELS
from tests.practice.asking import (
    ask,
    get,
    open_stream,
    question,
    read_on,
    stream,
    wait_until,
)

ANSWERING = [
    "-chat", "-picture", "-thinking", "-think-tags", "-tools", "-slow-start", "-steady", "-very-long",
    "-hostile-markdown", "-restart", "-ping", "-crlf", "-split", "-usage-last", "-empty-choices", "-stream",
    "-rounds", "-tool-loop", "-bad-arguments", "-empty-arguments", "-shared-index", "-slow-arguments",
]  # fmt: skip
ONLY_RESPONSES = [
    "-responses", "-responses-thinking", "-responses-thinking-forgets", "-responses-tools",
    "-responses-steady",
]  # fmt: skip
REFUSING = [
    ("-400", 400, "invalid_request_error", "invalid_value"),
    ("-401", 401, "new_api_error", ""),
    ("-401-upstream", 401, "invalid_request_error", "invalid_api_key"),
    ("-quota", 403, "new_api_error", "insufficient_user_quota"),
    ("-403", 403, "new_api_error", "access_denied"),
    ("-413", 413, "new_api_error", "read_request_body_failed"),
    ("-500-request", 500, "new_api_error", "invalid_request"),
    ("-500", 500, "new_api_error", "do_request_failed"),
    ("-503", 503, "new_api_error", "system_cpu_overloaded"),
]
# Model, what ends the body early, the journal's word.
BREAKING = [
    ("-cut", http.client.IncompleteRead, "cut"),
    ("-cut-politely", None, "cut"),
    ("-reset", ConnectionResetError, "cut"),
    ("-bare-error", None, "cut"),
    ("-failed", None, "cut"),
    ("-error-chunk", None, "answered"),
    ("-done-only", None, "answered"),
]
OTHERS = [
    "-length", "-continue-exact", "-continue-repeat", "-continue-restart", "-continue-apology",
    "-429", "-502-html", "-504-html", "-html-200", "-200-error", "-refuse-twice", "-no-answer",
    "-silence", "-json", "-no-usage", "-no-end",
]  # fmt: skip
PARTIAL = "This answer begins well. You can read two sentences of it, and then"


def test_every_model_has_its_test() -> None:
    tested = ANSWERING + OTHERS + ONLY_RESPONSES + [row[0] for row in REFUSING] + [row[0] for row in BREAKING]

    assert sorted(MODELS) == sorted(f"practice{suffix}" for suffix in tested)


def test_the_list_has_every_model_in_the_documented_shape(gateway: Gateway) -> None:
    listed = get(gateway, "/v1/models").json

    assert (listed["success"], listed["object"]) == (True, "list")
    assert [model["id"] for model in listed["data"]] == list(MODELS)
    assert listed["data"][0] == {
        "id": "practice-chat",
        "object": "model",
        "created": 1626777600,
        "owned_by": "custom",
        "supported_endpoint_types": ["openai"],
    }
    marked = [m["id"] for m in listed["data"] if m["supported_endpoint_types"] == ["openai-response"]]
    assert sorted(marked) == sorted(f"practice{suffix}" for suffix in ONLY_RESPONSES)
    assert get(gateway, "/practice/models").json["practice-silence"].startswith("stops in the middle")


@pytest.mark.parametrize("suffix", ANSWERING)
def test_a_stream_is_whole(gateway: Gateway, suffix: str) -> None:
    answer = stream(gateway, suffix)

    assert answer.status == 200
    assert answer.broken_by is None
    assert answer.headers["content-type"] == "text/event-stream"
    assert len(answer.headers["x-oneapi-request-id"]) == 31
    assert answer.events[-1] == "[DONE]"
    assert answer.finish_reasons == ["stop"]
    assert answer.text
    assert len(answer.usages) == 1
    assert answer.usages[0]["completion_tokens"] > 0
    assert answer.deltas[0] == {"role": "assistant", "content": ""}
    assert gateway.seen()["requests"][-1]["ended"] == "answered"


@pytest.mark.parametrize("suffix", [s for s in ANSWERING if s != "-stream"])
def test_an_answer_in_one_object_is_whole(gateway: Gateway, suffix: str) -> None:
    answer = ask(gateway, question(model=f"practice{suffix}"))

    choice = answer.json["choices"][0]
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json["object"] == "chat.completion"
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert answer.json["usage"]["total_tokens"] > answer.json["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize(("suffix", "status", "kind", "code"), REFUSING)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_refusal_has_its_shape(
    gateway: Gateway, suffix: str, status: int, kind: str, code: str, streamed: bool
) -> None:
    answer = ask(gateway, question(model=f"practice{suffix}", stream=streamed))

    assert answer.status == status
    assert (answer.error["type"], answer.error["code"]) == (kind, code)
    assert answer.error["message"].endswith(f"(request id: {answer.headers['x-oneapi-request-id']})")
    # JSON under the wrong type: the documented trap of streaming requests.
    assert ("event-stream" in answer.headers["content-type"]) is streamed


@pytest.mark.parametrize(("suffix", "broken_by", "ended"), BREAKING)
def test_a_broken_stream_shows_its_beginning(
    gateway: Gateway, suffix: str, broken_by: type[Exception] | None, ended: str
) -> None:
    answer = stream(gateway, suffix)

    assert answer.status == 200
    assert answer.text.startswith(PARTIAL)
    assert answer.finish_reasons == []
    assert answer.broken_by is broken_by
    assert ("[DONE]" in answer.events) is (ended == "answered")
    assert gateway.seen()["requests"][-1]["ended"] == ended


@pytest.mark.parametrize("suffix", ONLY_RESPONSES)
def test_what_is_served_on_the_other_wire_is_refused_on_this_one(gateway: Gateway, suffix: str) -> None:
    answer = stream(gateway, suffix)

    assert (answer.status, answer.error["param"]) == (404, "model")


def test_no_end_is_all_of_the_text_without_a_reason(gateway: Gateway) -> None:
    answer = stream(gateway, "-no-end")

    assert answer.text.endswith("and I say what arrived.")
    assert (answer.finish_reasons, answer.events[-1]) == ([], "[DONE]")
    assert ask(gateway, question(model="practice-no-end")).json["choices"][0]["finish_reason"] is None


@pytest.mark.parametrize("suffix", ["-cut", "-cut-politely", "-reset", "-error-chunk", "-bare-error"])
def test_a_broken_answer_in_one_object_is_broken_too(gateway: Gateway, suffix: str) -> None:
    answer = ask(gateway, question(model=f"practice{suffix}"))

    if "error" in suffix:
        assert (answer.status, answer.error["code"]) == (500, "bad_response_body")
    else:
        assert answer.broken_by in (http.client.IncompleteRead, ConnectionResetError)


def test_the_errors_inside_streams_are_as_documented(gateway: Gateway) -> None:
    as_chunk = stream(gateway, "-error-chunk")
    as_line = stream(gateway, "-bare-error")

    assert as_chunk.events[-2]["error"]["type"] == "server_error"
    assert as_line.events[-1]["bare"]["error"]["code"] == "overloaded_error"
    assert b"\n\n{" in as_line.body


def test_done_only_brings_usage_without_a_reason(gateway: Gateway) -> None:
    answer = stream(gateway, "-done-only")

    assert len(answer.usages) == 1
    assert answer.events[-1] == "[DONE]"


def test_what_was_sent_before_a_reset_can_still_be_read(gateway: Gateway) -> None:
    with open_stream(gateway, question(model="practice-reset", stream=True)) as connection:
        wait_until(lambda: gateway.seen()["requests"] and gateway.seen()["requests"][-1]["ended"])
        received, broken_by = read_on(connection)

    assert b" reset" in received
    assert broken_by is ConnectionResetError


@pytest.mark.parametrize(
    ("suffix", "status", "kind", "start"),
    [
        ("-429", 429, "text/plain; charset=utf-8", b""),
        ("-502-html", 502, "text/html; charset=utf-8", b"<html>"),
        ("-504-html", 504, "text/html; charset=utf-8", b"<html>"),
        ("-html-200", 200, "text/html; charset=utf-8", b"<!doctype html>"),
        ("-200-error", 200, "text/event-stream", b'{"error":'),
    ],
)
def test_what_is_no_answer_comes_whole(
    gateway: Gateway, suffix: str, status: int, kind: str, start: bytes
) -> None:
    answer = stream(gateway, suffix)

    assert (answer.status, answer.headers["content-type"]) == (status, kind)
    assert answer.body.startswith(start)
    assert bool(answer.body) is bool(start)


def test_refuse_twice_refuses_each_text_twice(gateway: Gateway) -> None:
    statuses = [stream(gateway, "-refuse-twice", text).status for text in ("a", "a", "b", "a", "b", "b", "a")]

    assert statuses == [503, 503, 503, 200, 503, 200, 200]


@pytest.mark.parametrize("streamed", [True, False])
def test_no_answer_sends_not_a_byte(gateway: Gateway, streamed: bool) -> None:
    with open_stream(gateway, question(model="practice-no-answer", stream=streamed)) as connection:
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)

    wait_until(lambda: gateway.seen()["requests"][-1]["ended"] == "client went away")
    assert gateway.seen()["requests"][-1]["status"] is None


def test_silence_stops_in_the_middle_and_stays_open(gateway: Gateway) -> None:
    with open_stream(gateway, question(model="practice-silence", stream=True)) as connection:
        connection.settimeout(0.5)
        received, broken_by = read_on(connection)
        assert broken_by is TimeoutError
        assert gateway.seen()["requests"][-1]["ended"] is None

    assert b" comes" in received
    assert b"[DONE]" not in received
