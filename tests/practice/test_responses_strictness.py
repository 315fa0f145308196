"""What the real gateway refuses of a request for a response is refused here, in its shape."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.practice import Gateway
from conversations.practice.reasoning import seal
from tests.practice.asking import RESPONSES, ask, respond
from tests.practice.images import PNG, data_uri

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
USER = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "call_a", "name": "f", "arguments": "{}"}
OTHER = {**CALL, "call_id": "call_b", "id": "fc_2"}
RESULT = {"type": "function_call_output", "call_id": "call_a", "output": "1"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal("rs_1")}
SAID = {"role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]}


def part(kind: str, role: str = "user", **fields: Any) -> list[Any]:
    return [{"role": role, "content": [{"type": kind, **fields}]}]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"input": None}, 500, "invalid_request"),
        ({"input": ""}, 500, "invalid_request"),
        ({"input": []}, 500, "invalid_request"),
        ({"input": {"role": "user"}}, 500, "invalid_request"),
        ({"stream": "yes"}, 500, "invalid_request"),
        ({"store": 0}, 500, "invalid_request"),
        ({"tools": {}}, 500, "invalid_request"),
        ({"model": "gpt-9"}, 503, "model_not_found"),
        ({"model": ""}, 400, ""),
        ({"temperature": 3}, 400, "invalid_value"),
        ({"max_output_tokens": 15}, 400, "invalid_value"),
        ({"reasoning": {"effort": "low"}}, 400, "unsupported_parameter"),
        ({"model": "practice-responses-thinking", "temperature": 1}, 400, "unsupported_parameter"),
        ({"model": "practice-responses-thinking", "top_p": 0.5}, 400, "unsupported_parameter"),
        ({"model": "practice-responses-thinking", "reasoning": {"effort": "extreme"}}, 400, "invalid_value"),
        ({"model": "practice-responses-thinking", "reasoning": {"summary": "none"}}, 400, "invalid_value"),
        ({"text": {"verbosity": "chatty"}}, 400, "invalid_value"),
        ({"text": {"format": {"type": "xml"}}}, 400, "invalid_value"),
        ({"text": {"format": {"type": "json_schema", "json_schema": {}}}}, 400, "invalid_value"),
        ({"include": ["everything"]}, 400, "invalid_value"),
        ({"metadata": {"model_id": 32}}, 400, "invalid_type"),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_not_found"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "missing_required_parameter"),
        ({"tools": [{"type": "web_search"}]}, 400, "invalid_value"),
        ({"tools": ["f"]}, 400, "invalid_value"),
        ({"tools": [{**TOOL, "name": "a b"}]}, 400, "invalid_value"),
        ({"tools": [{**TOOL, "parameters": {"type": "array"}}]}, 400, "invalid_function_parameters"),
        ({"tool_choice": "required"}, 400, "invalid_value"),
        ({"tools": [TOOL], "tool_choice": "f"}, 400, "invalid_value"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "g"}}, 400, "invalid_value"),
    ],
)
def test_a_bad_field_is_refused(gateway: Gateway, fields: dict[str, Any], status: int, code: str) -> None:
    answer = ask(gateway, {"model": "practice-responses", "input": "Hi", **fields}, path=RESPONSES)

    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.error["message"].endswith(f"(request id: {answer.headers['x-oneapi-request-id']})")


@pytest.mark.parametrize(
    ("items", "param", "code"),
    [
        (["Hi"], "input[0]", "invalid_type"),
        ([{"type": "thing"}], "input[0].type", "invalid_value"),
        ([{"role": "tool", "content": "1"}], "input[0].role", "invalid_value"),
        ([{"role": "user"}], "input[0].content", "invalid_type"),
        ([{**USER, "id": "x"}], "input[0].id", "invalid_value"),
        (part("text", text="Hi"), "input[0].content[0].type", "invalid_value"),
        (part("output_text", text="Hi"), "input[0].content[0].type", "invalid_value"),
        (part("input_text", "assistant", text="Hi"), "input[0].content[0].type", "invalid_value"),
        (part("input_image", "system", image_url="https://x/y"), "input[0].content[0].type", "invalid_value"),
        (part("input_text"), "input[0].content[0].text", "invalid_type"),
        (
            part("input_image", image_url={"url": data_uri(PNG)}),
            "input[0].content[0].image_url",
            "invalid_type",
        ),
        (
            part("input_image", image_url=data_uri(b"no")),
            "input[0].content[0].image_url",
            "invalid_image_format",
        ),
        (
            part("input_image", image_url="https://x/y", detail="huge"),
            "input[0].content[0].detail",
            "invalid_value",
        ),
        (part("input_image", file_id="file_1"), "input[0].content[0].file_id", "invalid_value"),
        (part("input_file", file_id="file_1"), "input[0].content[0].file_id", "invalid_value"),
        (part("input_file", filename="a.pdf"), "input[0].content[0].file_data", "invalid_type"),
        ([USER, {**CALL, "call_id": ""}, RESULT], "input[1].call_id", "missing_required_parameter"),
        ([USER, {**CALL, "name": None}, RESULT], "input[1].name", "missing_required_parameter"),
        ([USER, {**CALL, "arguments": "{"}, RESULT], "input[1].arguments", "invalid_value"),
        ([USER, {**CALL, "id": "call_a"}, RESULT], "input[1].id", "invalid_value"),
        ([USER, CALL, CALL, RESULT], "input[2].call_id", "invalid_value"),
        ([USER, CALL], "input", None),
        ([USER, CALL, OTHER, RESULT], "input", None),
        ([USER, CALL, USER, RESULT], "input", None),
        ([USER, RESULT], "input", None),
        ([USER, CALL, RESULT, RESULT], "input", None),
        ([USER, CALL, {**RESULT, "output": {"a": 1}}], "input[2].output", "invalid_type"),
        ([USER, {**THOUGHT, "id": "msg_1"}, SAID], "input[1].id", "invalid_value"),
        ([USER, {**THOUGHT, "summary": None}, SAID], "input[1].summary", "missing_required_parameter"),
        ([USER, {**THOUGHT, "id": "rs_2"}, SAID], "input", "invalid_encrypted_content"),
        (
            [USER, {**THOUGHT, "encrypted_content": seal("rs_1") + "A"}, SAID],
            "input",
            "invalid_encrypted_content",
        ),
        ([USER, THOUGHT], "input", None),
        ([USER, THOUGHT, USER], "input", None),
        ([USER, CALL, THOUGHT, RESULT], "input", None),
    ],
)
def test_a_bad_item_is_refused(gateway: Gateway, items: list[Any], param: str, code: str | None) -> None:
    answer = respond(gateway, text=items)

    assert answer.status == 400
    assert (answer.error["type"], answer.error["param"], answer.error["code"]) == (
        "invalid_request_error",
        param,
        code,
    )


def test_reasoning_that_was_stored_nowhere_is_not_found(gateway: Gateway) -> None:
    bare = {name: value for name, value in THOUGHT.items() if name != "encrypted_content"}

    assert respond(gateway, text=[USER, bare, SAID]).status == 404


@pytest.mark.parametrize(
    "items",
    [
        [USER, THOUGHT, SAID, USER],
        [USER, THOUGHT, {**THOUGHT, "id": "rs_2", "encrypted_content": seal("rs_2")}, CALL, RESULT],
        [USER, CALL, OTHER, {**RESULT, "call_id": "call_b"}, RESULT, SAID, USER],
        [USER, CALL, SAID, RESULT],
        [USER, CALL, {**RESULT, "output": [{"type": "input_text", "text": "1"}]}],
        [{"role": "developer", "content": "Be kind."}, {"type": "message", **USER}],
        [{"role": "assistant", "content": "Yes", "id": "msg_1"}, USER],
        [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]}, USER],
    ],
)
def test_a_good_conversation_is_answered(gateway: Gateway, items: list[Any]) -> None:
    assert respond(gateway, text=items).status == 200


def test_what_came_is_described(gateway: Gateway) -> None:
    parts = [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "image_url": data_uri(PNG), "detail": "auto"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "filename": "b.pdf", "file_data": data_uri(b"%PDF", "application/pdf")},
    ]
    said = respond(gateway, text=[{"role": "user", "content": parts}]).json["output"][0]["content"][0]["text"]

    assert "You sent 1 picture: PNG, 320×200 pixels" in said
    assert (
        "You sent 3 files: a picture at https://example.com/a.png; a file at https://example.com/a.pdf; "
        "b.pdf (application/pdf, 4 bytes)." in said
    )


@pytest.mark.parametrize(
    "wanted",
    [{"type": "json_object"}, {"type": "json_schema", "name": "x", "schema": {"type": "object"}}],
)
def test_an_answer_follows_a_format(gateway: Gateway, wanted: dict[str, Any]) -> None:
    answer = ask(
        gateway,
        {"model": "practice-responses", "input": "Hi", "text": {"format": wanted}},
        path=RESPONSES,
    )

    assert answer.json["output"][0]["content"][0]["text"].startswith("{")
    assert answer.json["text"] == {"format": wanted}


def test_fields_that_the_gateway_does_not_know_are_dropped(gateway: Gateway) -> None:
    assert respond(gateway, messages=5, max_tokens="x", background="y").status == 200


def test_one_that_forgets_takes_nothing_back(gateway: Gateway) -> None:
    model = "-responses-thinking-forgets"
    with_thought = respond(gateway, model, [USER, THOUGHT, SAID, USER])

    assert (with_thought.status, with_thought.error["code"]) == (400, "invalid_encrypted_content")
    assert respond(gateway, model, [USER, SAID, USER]).status == 200
