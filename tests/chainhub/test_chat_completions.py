"""What goes to the gateway in the chat format, and the published example read back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chainhub.assembling import ThinkLifter, tokens
from conversations.chainhub.errors import StreamRefused, UnreadableReply
from conversations.chainhub.events import Finished, Started, TextDelta, ThinkingDelta, Usage
from conversations.chainhub.messages import (
    ChatRequest,
    Image,
    Message,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from conversations.chainhub.wires import chat_completions
from conversations.chainhub.wires.chat_completions.counting import usage_of

EXAMPLES = Path(__file__).parent / "examples"
PARIS = ToolCall("call_a", "get_weather", '{"city":"Paris"}')
OSLO = ToolCall("call_b", "get_weather", '{"city":"Oslo"}')
PARIS_SAYS = ToolResult("call_a", "get_weather", '{"temp":14}')
OSLO_SAYS = ToolResult("call_b", "get_weather", '{"temp":3}')


def example(name: str) -> dict:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def entries(*messages: Message) -> list:
    return chat_completions.build(ChatRequest("m", messages))["messages"]


def call(call_id: str, arguments: str) -> dict:
    return {"id": call_id, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


def test_the_published_example_is_reproduced():
    url = (
        "https://upload.wikimedia.org/wikipedia/commons/thumb/d/dd/"
        "Gfp-wisconsin-madison-the-nature-boardwalk.jpg/2560px-Gfp-wisconsin-madison-the-nature-boardwalk.jpg"
    )
    request = ChatRequest(
        "claude-sonnet-4-20250514",
        (
            Message("system", (Text("You are a helpful assistant."),)),
            Message("user", (Text("What is in this picture? Please describe it in detail."), Image(url))),
        ),
        stream=False,
    )

    assert chat_completions.build(request) == example("vision.request.json")


def test_the_published_reply_is_read():
    events = list(chat_completions.decode_reply(example("vision.response.json")))

    assert events == [
        Started("chatcmpl-123", ""),
        TextDelta("\n\nHello there, how may I assist you today?"),
        Usage(9, None, None, 12, None, raw={"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}),
        Finished("stop"),
    ]


def test_a_stream_asks_for_its_usage():
    body = chat_completions.build(ChatRequest("m", ()))

    assert body == {"model": "m", "messages": [], "stream": True, "stream_options": {"include_usage": True}}


def test_parameters_stand_at_the_top_and_replace_nothing():
    parameters = {"temperature": 0, "max_tokens": None, "model": "other", "stream": False, "tools": [1]}

    body = chat_completions.build(ChatRequest("m", (), parameters=parameters))

    assert (body["temperature"], body["model"], body["stream"]) == (0, "m", True)
    assert not {"max_tokens", "tools"} & set(body)


def test_pictures_make_a_list_in_the_given_order():
    message = Message("user", (Image("data:image/png;base64,AA==", "low"), Text("and"), Image("https://x/y")))

    assert entries(message)[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
        {"type": "text", "text": "and"},
        {"type": "image_url", "image_url": {"url": "https://x/y"}},
    ]


def test_several_texts_of_a_person_are_paragraphs_and_those_of_an_answer_are_one():
    parts = (Text("a"), Text("b"))

    assert [entry["content"] for entry in entries(Message("user", parts), Message("assistant", parts))] == [
        "a\n\nb",
        "ab",
    ]


def test_a_message_without_parts_is_empty_text():
    assert entries(Message("user", ())) == [{"role": "user", "content": ""}]


TURN = [
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("call_a", PARIS.arguments), call("call_b", OSLO.arguments)],
    },
    {"role": "tool", "tool_call_id": "call_a", "name": "get_weather", "content": '{"temp":14}'},
    {"role": "tool", "tool_call_id": "call_b", "name": "get_weather", "content": '{"temp":3}'},
]


@pytest.mark.parametrize(
    "messages",
    [
        (Message("assistant", (PARIS, OSLO)), Message("tool", (PARIS_SAYS, OSLO_SAYS))),
        (Message("assistant", (PARIS, OSLO, PARIS_SAYS, OSLO_SAYS)),),
        (Message("assistant", (PARIS,)), Message("assistant", (OSLO, PARIS_SAYS, OSLO_SAYS))),
    ],
)
def test_parallel_calls_and_their_results(messages):
    assert entries(*messages) == TURN


def test_two_rounds_and_the_words_between_them():
    parts = (
        Text("First."),
        Thinking("Hm."),
        PARIS,
        PARIS_SAYS,
        Text("Then."),
        OSLO,
        OSLO_SAYS,
        Text("Done."),
    )

    assert entries(Message("assistant", parts)) == [
        {
            "role": "assistant",
            "content": "First.",
            "tool_calls": [call("call_a", PARIS.arguments)],
            "reasoning_content": "Hm.",
        },
        TURN[1],
        {"role": "assistant", "content": "Then.", "tool_calls": [call("call_b", OSLO.arguments)]},
        TURN[2],
        {"role": "assistant", "content": "Done."},
    ]


def test_a_first_message_may_be_a_call():
    assert entries(Message("assistant", (PARIS,)))[0]["tool_calls"] == [call("call_a", PARIS.arguments)]


def test_thinking_goes_back_only_within_a_tool_turn():
    assert entries(Message("assistant", (Thinking("Hm."), Text("Yes")))) == [
        {"role": "assistant", "content": "Yes"}
    ]


@pytest.mark.parametrize("arguments", ["", "{", "[1]", "null", '{"a":NaN}'])
def test_broken_arguments_go_back_as_an_empty_object(arguments):
    entry = entries(Message("assistant", (ToolCall("c", "get_weather", arguments),)))[0]

    assert entry["tool_calls"] == [call("c", "{}")]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_tools_always_have_a_schema(choice, sent):
    body = chat_completions.build(ChatRequest("m", (), tools=(Tool("add", "Adds"),), tool_choice=choice))

    parameters = {"type": "object", "properties": {}}
    assert body["tools"] == [
        {"type": "function", "function": {"name": "add", "description": "Adds", "parameters": parameters}}
    ]
    assert body["tool_choice"] == sent


def test_without_a_choice_there_is_none_and_without_tools_neither():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    body = chat_completions.build(ChatRequest("m", (), tools=(Tool("add", "", schema),)))

    assert "tool_choice" not in body
    assert body["tools"][0]["function"]["parameters"] == schema
    assert "tool_choice" not in chat_completions.build(ChatRequest("m", (), tool_choice="auto"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"error": {"message": "no", "type": "t"}}, StreamRefused),
        ({"choices": []}, UnreadableReply),
        ({"choices": "x"}, UnreadableReply),
        ({}, UnreadableReply),
    ],
)
def test_a_reply_that_is_no_answer(body, error):
    with pytest.raises(error):
        list(chat_completions.decode_reply(body))


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (7, 7), (7.0, 7), (10**9, 10**9), (10**9 + 1, None), (-1, None), (1.5, None), (True, None)]
    + [(None, None), ("7", None), ([], None)],
)
def test_what_counts_as_a_number_of_tokens(value, count):
    assert tokens(value) == count


GATEWAYS_OWN = {"claude_cache_creation_5_m_tokens": 40, "claude_cache_creation_1_h_tokens": 0}


@pytest.mark.parametrize(
    ("model", "raw", "expected"),
    [
        # OpenAI: inclusive.
        ("gpt-4o", {"prompt_tokens": 100, "cached": 60}, (100, 60, None)),
        # Claude in the gateway's own shape: exclusive, whatever the sizes.
        ("claude-sonnet-4", {"prompt_tokens": 100, "cached": 60, **GATEWAYS_OWN}, (200, 60, 40)),
        ("claude-sonnet-4", {"prompt_tokens": 25, "cached": 1024, **GATEWAYS_OWN}, (1089, 1024, 40)),
        # Gemini in the gateway's own shape: inclusive.
        (
            "gemini-2.5-pro",
            {"prompt_tokens": 100, "cached": 60, "claude_cache_creation_5_m_tokens": 0},
            (100, 60, 0),
        ),
        # Claude through an OpenAI-compatible channel: inclusive, unless the numbers say otherwise.
        ("claude-sonnet-4", {"prompt_tokens": 100, "cached": 60}, (100, 60, None)),
        ("claude-sonnet-4", {"prompt_tokens": 100, "cached": 101}, (201, 101, None)),
        ("claude-sonnet-4", {"cached": 101, **GATEWAYS_OWN}, (None, 101, 40)),
    ],
)
def test_input_includes_what_was_cached(model, raw, expected):
    raw = dict(raw)
    raw["prompt_tokens_details"] = {"cached_tokens": raw.pop("cached")}

    usage = usage_of(raw, model=model)

    assert (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens) == expected
    assert usage.raw is raw


def lift(*pieces: str) -> tuple[str, str]:
    lifter = ThinkLifter()
    deltas = [delta for piece in pieces for delta in lifter.feed(piece)] + list(lifter.flush())
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return "".join(delta.text for delta in deltas if isinstance(delta, ThinkingDelta)), text


TAGS = st.sampled_from(["<think>", "</think>", "<", "/", "a", "\n", "think>"])


@given(st.lists(TAGS, max_size=12).map("".join), st.data())
def test_it_does_not_matter_how_thinking_is_split(words, data):
    pieces = []
    rest = words
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:size])
        rest = rest[size:]

    assert lift(*pieces) == lift(words)


@pytest.mark.parametrize(
    ("words", "thinking", "text"),
    [
        ("<think>a</think>b", "a", "b"),
        (" \n<think>\na\n</think>\n\nb", "a\n", "b"),
        ("b<think>a</think>", "", "b<think>a</think>"),
        ("<think></think>b", "", "b"),
        ("<think>a</think>", "a", ""),
        ("<think> ", "", ""),
        ("<thin", "", "<thin"),
        ("  ", "", "  "),
        ("<think>a</thi", "a</thi", ""),
    ],
)
def test_only_leading_thinking_is_lifted(words, thinking, text):
    assert lift(*words) == (thinking, text)
