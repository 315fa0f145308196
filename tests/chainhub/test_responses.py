"""What goes to the gateway in the Responses format, and the published example read back."""

import json
from pathlib import Path

import pytest

from conversations.chainhub import wires
from conversations.chainhub.messages import (
    ChatRequest,
    Image,
    Message,
    OpaqueItem,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from conversations.chainhub.wires import chat_completions, responses

EXAMPLES = Path(__file__).parent / "examples"
PARIS = ToolCall("call_a", "get_weather", '{"city":"Paris"}')
OSLO = ToolCall("call_b", "get_weather", '{"city":"Oslo"}')
PARIS_SAYS = ToolResult("call_a", "get_weather", '{"temp":14}')
OSLO_SAYS = ToolResult("call_b", "get_weather", '{"temp":3}')
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA…"}
KEPT = OpaqueItem("responses", THOUGHT)
QUESTION = Message("user", (Text("Weather?"),))


def example(name: str) -> dict:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def body(*messages: Message, model: str = "gpt-4.1", **fields: object) -> dict:
    return responses.build(ChatRequest(model, messages, **{"stream": False, **fields}))


def items(*messages: Message, **fields: object) -> list:
    return body(*messages, model="gpt-5", **fields)["input"]


def said(text: str) -> dict:
    return {"role": "assistant", "content": [{"type": "output_text", "text": text}]}


def call(call_id: str, arguments: str) -> dict:
    return {"type": "function_call", "call_id": call_id, "name": "get_weather", "arguments": arguments}


def output(call_id: str, text: str) -> dict:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


TURN = [
    call("call_a", PARIS.arguments),
    call("call_b", OSLO.arguments),
    output("call_a", PARIS_SAYS.content),
    output("call_b", OSLO_SAYS.content),
]


def test_the_published_request_is_produced_word_for_word():
    published = example("responses-function-call.request.json")
    tools = tuple(Tool(tool["name"], tool["description"], tool["parameters"]) for tool in published["tools"])

    request = ChatRequest(
        "gpt-4.1",
        (Message("user", (Text(published["input"][0]["content"]),)),),
        stream=False,
        parameters={"metadata": {"model_id": "32"}, "temperature": None},
        tools=tools,
        tool_choice="auto",
    )

    assert responses.build(request) == published


def test_a_stream_differs_by_one_word():
    assert body(QUESTION, stream=True) == body(QUESTION) | {"stream": True}


def test_wires_are_found_by_name():
    found = {name: wires.by_name(name).PATH for name in ("responses", "chat_completions")}

    assert found == {"responses": "/v1/responses", "chat_completions": "/v1/chat/completions"}
    with pytest.raises(KeyError):
        wires.by_name("telegraph")


def test_what_the_system_says_first_becomes_instructions():
    system, developer = Message("system", (Text("Be kind."),)), Message("developer", (Text("Be short."),))

    asked = body(system, developer, QUESTION, developer)

    assert asked["instructions"] == "Be kind.\n\nBe short."
    assert asked["input"] == [
        {"role": "user", "content": "Weather?"},
        {"role": "developer", "content": "Be short."},
    ]
    assert "instructions" not in body(Message("system", ()), QUESTION)
    assert body(system) == {"model": "gpt-4.1", "input": [], "instructions": "Be kind."}


def test_pictures_make_a_list_in_the_given_order():
    message = Message("user", (Image("data:image/png;base64,AA==", "low"), Text("and"), Image("https://x/y")))

    assert items(message)[0]["content"] == [
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        {"type": "input_text", "text": "and"},
        {"type": "input_image", "image_url": "https://x/y", "detail": "auto"},
    ]


def test_texts_are_joined_as_in_the_chat_format():
    parts = (Text("a"), Text("b"))

    assert items(Message("user", parts), Message("assistant", parts), Message("user", ())) == [
        {"role": "user", "content": "a\n\nb"},
        said("ab"),
        {"role": "user", "content": ""},
    ]
    assert items(Message("assistant", (Text(""), Image("https://x/y")))) == []


@pytest.mark.parametrize(
    "messages",
    [
        (Message("assistant", (PARIS, OSLO)), Message("tool", (PARIS_SAYS, OSLO_SAYS))),
        (Message("assistant", (PARIS, OSLO, PARIS_SAYS, OSLO_SAYS)),),
        (Message("assistant", (PARIS,)), Message("assistant", (OSLO, PARIS_SAYS, OSLO_SAYS))),
    ],
)
def test_parallel_calls_and_their_results(messages):
    assert items(*messages) == TURN


def test_two_rounds_go_back_as_they_came():
    second = {**THOUGHT, "id": "rs_2"}
    parts = (
        *(KEPT, Thinking("Hm."), Text("First."), PARIS, PARIS_SAYS, Text("Then.")),
        *(OpaqueItem("responses", second), OSLO, OSLO_SAYS, OpaqueItem("claude_messages", {"x": 1})),
        Text("Done."),
    )

    assert items(QUESTION, Message("assistant", parts)) == [
        {"role": "user", "content": "Weather?"},
        THOUGHT,
        said("First."),
        TURN[0],
        TURN[2],
        said("Then."),
        second,
        TURN[1],
        TURN[3],
        said("Done."),
    ]


def test_words_between_calls_keep_their_place():
    parts = (Text("One."), PARIS, Text("Two."), OSLO, PARIS_SAYS, OSLO_SAYS)

    assert items(Message("assistant", parts)) == [
        said("One."), TURN[0], said("Two."), TURN[1], TURN[2], TURN[3]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "fields"),
    [("gpt-4.1", {}), ("gpt-5", {"thinks": False}), ("gpt-5", {"without_opaque": True})],
)
def test_reasoning_goes_back_only_where_it_is_wanted(model, fields):
    answer = Message("assistant", (KEPT, Text("Yes")))

    assert body(answer, model=model, **fields)["input"] == [said("Yes")]


@pytest.mark.parametrize(
    "parts",
    [(KEPT,), (Text("Yes"), KEPT), (PARIS, KEPT, PARIS_SAYS), (PARIS, PARIS_SAYS, KEPT, KEPT)],
)
def test_reasoning_that_led_to_nothing_stays_out(parts):
    sent = items(Message("assistant", parts), QUESTION)

    assert THOUGHT not in sent
    assert sent[-1] == {"role": "user", "content": "Weather?"}


def test_two_thoughts_may_lead_to_one_thing():
    assert items(Message("assistant", (KEPT, KEPT, PARIS, PARIS_SAYS)))[:3] == [THOUGHT, THOUGHT, TURN[0]]


def test_the_chat_format_leaves_opaque_items_out():
    messages = (Message("assistant", (KEPT, PARIS, KEPT, OSLO, PARIS_SAYS, OSLO_SAYS, KEPT)),)
    plain = (Message("assistant", (PARIS, OSLO, PARIS_SAYS, OSLO_SAYS)),)

    assert chat_completions.build(ChatRequest("m", messages)) == chat_completions.build(
        ChatRequest("m", plain)
    )


@pytest.mark.parametrize("arguments", ["", "{", "[1]", "null", '{"a":NaN}'])
def test_broken_arguments_go_back_as_an_empty_object(arguments):
    assert items(Message("assistant", (ToolCall("c", "get_weather", arguments),))) == [call("c", "{}")]


THINKING = {"store": False, "include": ["reasoning.encrypted_content"], "reasoning": {"summary": "auto"}}


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("gpt-4.1", {"temperature": 0, "top_p": None, "user": "ada"}, {"temperature": 0, "user": "ada"}),
        ("gpt-4.1", {"max_tokens": 300}, {"max_output_tokens": 300}),
        ("gpt-4.1", {"max_completion_tokens": 9}, {"max_output_tokens": 16}),
        ("gpt-4.1", {"max_output_tokens": "x"}, {"max_output_tokens": "x"}),
        ("gpt-4.1", {"stop": ["a"], "seed": 1, "n": 2, "top_k": 3}, {}),
        ("gpt-4.1", {"model": "x", "input": 1, "stream": True, "previous_response_id": "resp_1"}, {}),
        ("gpt-4.1", {"store": False}, {"store": False}),
        ("gpt-4.1", {"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ("gpt-4.1", {"text": {"format": {"type": "text"}}}, {"text": {"format": {"type": "text"}}}),
        (
            "gpt-4.1",
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        (
            "gpt-4.1",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
            {"text": {"format": {"type": "json_schema", "name": "x", "schema": {}}}},
        ),
        ("o3-mini", {}, THINKING),
        ("gpt-5", {"temperature": 1, "top_p": 1, "store": True}, THINKING),
        (
            "gpt-5",
            {"reasoning_effort": "low"},
            THINKING | {"reasoning": {"effort": "low", "summary": "auto"}},
        ),
        ("gpt-5", {"reasoning_summary": "detailed"}, THINKING | {"reasoning": {"summary": "detailed"}}),
        (
            "gpt-5",
            {"reasoning_summary": "none"},
            {name: value for name, value in THINKING.items() if name != "reasoning"},
        ),
        (
            "gpt-5",
            {"reasoning": {"effort": "high", "summary": "concise"}, "include": ["x"]},
            THINKING
            | {
                "reasoning": {"effort": "high", "summary": "concise"},
                "include": ["x", "reasoning.encrypted_content"],
            },
        ),
    ],
)
def test_parameters_are_translated(model, given, sent):
    assert body(QUESTION, model=model, parameters=given) == body(QUESTION) | {"model": model} | sent


def test_tools_are_flat_and_always_have_a_schema():
    asked = body(QUESTION, tools=(Tool("add", "Adds"),))

    schema = {"type": "object", "properties": {}}
    assert asked["tools"] == [
        {"type": "function", "name": "add", "description": "Adds", "parameters": schema}
    ]
    assert "tool_choice" not in asked
    assert "tool_choice" not in body(QUESTION, tool_choice="auto")


@pytest.mark.parametrize(
    ("choice", "sent", "names"),
    [
        ("auto", "auto", ["add", "clock"]),
        ("none", "none", ["add", "clock"]),
        ("required", "required", ["add", "clock"]),
        ("clock", "required", ["clock"]),
    ],
)
def test_the_choice_of_a_tool_is_always_a_word(choice, sent, names):
    asked = body(QUESTION, tools=(Tool("add", "Adds"), Tool("clock", "Tells")), tool_choice=choice)

    assert asked["tool_choice"] == sent
    assert [tool["name"] for tool in asked["tools"]] == names
