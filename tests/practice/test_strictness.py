"""What the real gateway refuses is refused here, in its shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversations.practice import Gateway, running
from tests.practice.asking import ask, get, question, request
from tests.practice.images import GIF, JPEG, PNG, data_uri, image_part

CALL = {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
OTHER_CALL = {**CALL, "id": "call_b"}
RESULT = {"role": "tool", "tool_call_id": "call_a", "content": "1"}
USER = {"role": "user", "content": "Hi"}


def calling(*calls: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def with_arguments(arguments: Any) -> dict[str, Any]:
    return calling({**CALL, "function": {"name": "f", "arguments": arguments}})


def picture(url: Any, **fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, **fields}}]}]


def content(part: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": [part]}]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"messages": None}, 500, "invalid_request"),
        ({"messages": []}, 500, "invalid_request"),
        ({"messages": "Hi"}, 500, "invalid_request"),
        ({"messages": ["Hi"]}, 500, "invalid_request"),
        ({"stream": "yes"}, 500, "invalid_request"),
        ({"stream_options": {"include_usage": 1}}, 500, "invalid_request"),
        ({"temperature": "1"}, 500, "invalid_request"),
        ({"temperature": True}, 500, "invalid_request"),
        ({"max_tokens": 1.5}, 500, "invalid_request"),
        ({"tools": {}}, 500, "invalid_request"),
        ({"model": ""}, 400, ""),
        ({"model": None}, 400, ""),
        ({"model": 5}, 400, ""),
        ({"model": "gpt-9"}, 503, "model_not_found"),
        ({"temperature": 2.1}, 400, "invalid_value"),
        ({"temperature": -0.1}, 400, "invalid_value"),
        ({"temperature": float("nan")}, 400, "invalid_value"),
        ({"top_p": 1.1}, 400, "invalid_value"),
        ({"presence_penalty": -3}, 400, "invalid_value"),
        ({"n": 0}, 400, "invalid_value"),
        ({"max_tokens": 0}, 400, "invalid_value"),
        ({"max_tokens": -1}, 400, "invalid_value"),
        ({"max_completion_tokens": 0}, 400, "invalid_value"),
        ({"seed": 2**63}, 400, "invalid_value"),
        ({"stop": ["a", "b", "c", "d", "e"]}, 400, "invalid_value"),
        ({"stop": 5}, 400, "invalid_value"),
        ({"reasoning_effort": "extreme"}, 400, "invalid_value"),
        ({"response_format": {"type": "xml"}}, 400, "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, 400, "invalid_value"),
        ({"tools": [{"type": "function"}]}, 400, "missing_required_parameter"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, 400, "invalid_value"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}]},
            400,
            "invalid_function_parameters",
        ),
        ({"tool_choice": "auto"}, 400, None),
        (
            {"tools": [{"type": "function", "function": {"name": "a"}}], "tool_choice": "b"},
            400,
            "invalid_value",
        ),
    ],
)
def test_a_bad_field_is_refused(gateway: Gateway, fields: dict[str, Any], status: int, code: str) -> None:
    answer = ask(gateway, {**question(), **fields})

    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.error["message"].endswith(f"(request id: {answer.headers['x-oneapi-request-id']})")
    assert (answer.error["type"] == "invalid_request_error") is (status == 400 and code != "")


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "robot", "content": "Hi"}], "messages[0].role"),
        ([USER, {"content": "Hi"}], "messages[1].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "assistant", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([{"role": "user", "content": {"text": "Hi"}}], "messages[0].content"),
        (content({"type": "picture"}), "messages[0].content[0].type"),
        (content("Hi"), "messages[0].content[0].type"),
        (content({"type": "text", "text": None}), "messages[0].content[0].text"),
        (content({"type": "image_url", "image_url": data_uri(PNG)}), "messages[0].content[0].image_url"),
        (content(image_part(PNG), "system"), "messages[0].content[0]"),
        (picture(None), "messages[0].content[0].image_url.url"),
        (picture("file:///etc/passwd"), "messages[0].content[0].image_url.url"),
        (picture("data:image/png,abc"), "messages[0].content[0].image_url.url"),
        (picture("data:image/png;base64,"), "messages[0].content[0].image_url.url"),
        (picture("data:image/png;base64,@@@@"), "messages[0].content[0].image_url.url"),
        (picture(data_uri(PNG)[:-5]), "messages[0].content[0].image_url.url"),
        (picture(data_uri(b"This is not a picture.")), "messages[0].content[0].image_url.url"),
        (picture(data_uri(PNG[:300])), "messages[0].content[0].image_url.url"),
        (picture(data_uri(PNG[:16] + bytes(8) + PNG[24:])), "messages[0].content[0].image_url.url"),
        (picture(data_uri(JPEG[:20], "image/jpeg")), "messages[0].content[0].image_url.url"),
        (
            picture(data_uri(JPEG[:4] + b"no" + JPEG[6:], "image/jpeg")),
            "messages[0].content[0].image_url.url",
        ),
        (picture(data_uri(GIF[:8], "image/gif")), "messages[0].content[0].image_url.url"),
        (picture(data_uri(b"RIFF\x99\0\0\0WEBPVP8 ", "image/webp")), "messages[0].content[0].image_url.url"),
        (picture(data_uri(b"RIFF\x04\0\0\0WEBP", "image/webp")), "messages[0].content[0].image_url.url"),
        (picture(data_uri(b"<svg/>", "image/svg+xml")), "messages[0].content[0].image_url.url"),
        (picture(data_uri(GIF, "image/png")), "messages[0].content[0].image_url.url"),
        (picture(data_uri(PNG), detail="huge"), "messages[0].content[0].image_url.detail"),
        (content({"type": "file", "file": {"filename": "a.pdf"}}), "messages[0].content[0].file.file_data"),
        (content({"type": "file", "file": "a.pdf"}), "messages[0].content[0].file"),
        (
            content({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "ogg"}}),
            "messages[0].content[0].input_audio.format",
        ),
        (
            content({"type": "input_audio", "input_audio": {"data": "A", "format": "mp3"}}),
            "messages[0].content[0].input_audio.data",
        ),
        ([RESULT], "messages.[0].role"),
        ([USER, {"role": "tool", "content": "1"}], "messages[1].tool_call_id"),
        ([USER, RESULT, USER], "messages.[1].role"),
        ([USER, calling(CALL), RESULT, RESULT], "messages.[3].role"),
        ([USER, calling(CALL), {**RESULT, "tool_call_id": "call_x"}], "messages.[2].role"),
        ([USER, calling(CALL), USER], "messages.[2].role"),
        ([USER, calling(CALL, OTHER_CALL), RESULT, USER], "messages.[3].role"),
        ([USER, calling(CALL)], "messages.[2].role"),
        ([USER, calling(CALL, CALL), RESULT, RESULT], "messages[1].tool_calls"),
        ([USER, calling()], "messages[1].tool_calls"),
        ([USER, calling("f")], "messages[1].tool_calls[0]"),
        ([USER, calling({**CALL, "id": ""})], "messages[1].tool_calls[0].id"),
        (
            [USER, calling({**CALL, "function": {"arguments": "{}"}})],
            "messages[1].tool_calls[0].function.name",
        ),
        ([{**USER, "tool_calls": [CALL]}], "messages[0].tool_calls"),
        ([USER, with_arguments(""), RESULT], "messages[1].tool_calls[0].function.arguments"),
        ([USER, with_arguments("[1]"), RESULT], "messages[1].tool_calls[0].function.arguments"),
        ([USER, with_arguments({}), RESULT], "messages[1].tool_calls[0].function.arguments"),
        ([USER, with_arguments('{"a":'), RESULT], "messages[1].tool_calls[0].function.arguments"),
    ],
)
def test_a_bad_message_is_refused(gateway: Gateway, messages: list[Any], param: str) -> None:
    answer = ask(gateway, {"model": "practice-chat", "messages": messages})

    assert answer.status == 400
    assert (answer.error["type"], answer.error["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize(
    "messages",
    [
        [USER, calling(CALL, OTHER_CALL), {**RESULT, "tool_call_id": "call_b"}, RESULT, USER],
        [USER, {**calling(CALL), "content": "I ask."}, RESULT],
        [{"role": "developer", "content": "Be kind."}, USER],
        [{"role": "system", "content": [{"type": "text", "text": "Be kind."}]}, USER],
    ],
)
def test_a_good_conversation_is_answered(gateway: Gateway, messages: list[Any]) -> None:
    assert ask(gateway, {"model": "practice-chat", "messages": messages}).status == 200


def test_a_body_that_is_no_json_object_is_refused(gateway: Gateway) -> None:
    for body in (b"", b"{", b"[]", b'"text"', b"[" * 100_000, b"\xff\xfe"):
        answer = ask(gateway, body)
        assert (answer.status, answer.error["code"]) == (400, ""), body[:10]


def test_another_content_type_is_not_parsed(gateway: Gateway) -> None:
    answer = ask(gateway, question(), Content_Type="text/plain")

    assert (answer.status, answer.error["type"]) == (400, "new_api_error")
    assert ask(gateway, question(), Content_Type="application/json; charset=utf-8").status == 200


def test_refusals_come_in_the_order_of_the_gateway(gateway: Gateway) -> None:
    unknown = ask(gateway, {"model": "gpt-9", "messages": "Hi", "temperature": 9})
    untyped = ask(gateway, {**question(), "messages": "Hi", "temperature": 9})

    assert (unknown.status, untyped.status) == (503, 500)
    assert "gpt-9" in unknown.error["message"]


def test_without_a_key_nothing_is_told(gateway: Gateway) -> None:
    for answer in (
        ask(gateway, question(), key=None),
        ask(gateway, question(), key=""),
        get(gateway, "/v1/models", key=None),
        get(gateway, "/v1/dashboard/billing/usage", key=None),
    ):
        assert answer.status == 401
        assert answer.error["type"] == "new_api_error"
        assert "param" not in answer.error


def test_only_the_one_key_is_accepted_if_there_is_one() -> None:
    with running(key="sk-right") as gateway:
        assert get(gateway, "/v1/models", key="sk-right").status == 200
        assert get(gateway, "/v1/models", key="sk-wrong").status == 401
        assert ask(gateway, question(), key="sk-wrong").error["type"] == "new_api_error"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/x"), ("GET", "/v1/chat/completions"), ("GET", "/"), ("DELETE", "/v1/models")],
)
def test_an_unknown_address_is_404(gateway: Gateway, method: str, path: str) -> None:
    answer = request(gateway, method, path, None, {"Authorization": "Bearer any"})

    assert answer.status == 404
    assert answer.error["message"].startswith(f"Invalid URL ({method} {path})")
    assert (answer.error["type"], answer.error["param"], answer.error["code"]) == (
        "invalid_request_error",
        "",
        "",
    )


def test_a_known_but_unbuilt_address_is_501(gateway: Gateway) -> None:
    answer = get(gateway, "/v1/files")

    assert (answer.status, answer.error["code"]) == (501, "api_not_implemented")


def test_one_model_is_an_object_or_an_error_with_200(gateway: Gateway) -> None:
    known, unknown = get(gateway, "/v1/models/practice-chat"), get(gateway, "/v1/models/gpt-9")

    assert (known.status, known.json["id"]) == (200, "practice-chat")
    assert (unknown.status, unknown.error["code"]) == (200, "model_not_found")


def test_the_account_answers_sanely(gateway: Gateway) -> None:
    ask(gateway, question())
    ask(gateway, question(model="practice-503"))
    granted = get(gateway, "/v1/dashboard/billing/subscription").json
    used = get(gateway, "/dashboard/billing/usage?start_date=2026-02-01&end_date=2026-02-09").json

    assert (granted["object"], granted["hard_limit_usd"]) == ("billing_subscription", 100)
    assert used == {"object": "list", "total_usage": 1.0}
    assert json.dumps(used["total_usage"]) == "1.0"
