"""Every recording in streams/ gives what stands here, whole, cut at every byte and split at every byte."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversations.chainhub import sse
from conversations.chainhub.errors import StreamBroken, StreamRefused, UnreadableReply
from conversations.chainhub.wires import WIRES
from tests.chainhub.reading import STREAMS, Outcome, outcome_of
from tests.chainhub.responses_expected import RESPONSES

WEATHER = [
    ("call_a1", "get_weather", '{"city":"Paris"}'),
    ("call_b2", "get_weather", '{"city":"Oslo"}'),
]


def weather(*ids: str) -> list[tuple[str, str, str]]:
    return [(new, name, arguments) for new, (_, name, arguments) in zip(ids, WEATHER, strict=True)]


GREETING = Outcome("Hello!", "Hm.", tokens=(9, None, None, 3, None), end="stop")
HELLO = Outcome("Hello", tokens=(9, None, None, 3, None), end="stop")

EXPECTED = {
    "chat_completions": {
        "plain_text": Outcome("Hello there.", tokens=(9, 0, None, 3, 0), end="stop"),
        "thinking_claude": Outcome(
            "Hi! How can I help?", "The user greets me. \n", tokens=(38, 0, 0, 61, 0), end="stop"
        ),
        "thinking_deepseek": Outcome("Hello!", "Greeting", tokens=(8, 0, None, 42, 31), end="stop"),
        "thinking_named_reasoning": Outcome("Yes", "Hm. So.", end="stop"),
        "think_tags": Outcome(
            "Hello <b></think>", "The user greets.", tokens=(9, None, None, 3, None), end="stop"
        ),
        "think_tags_split": Outcome("Yes", "a < b</x>", end="stop"),
        "think_never_closed": Outcome("", "Hm, </th", end="length"),
        "text_that_only_looks_like_thinking": Outcome(" <thin ice", end="stop"),
        "tools_openai": Outcome(calls=WEATHER, tokens=(82, None, None, 46, None), end="tool_calls"),
        "tools_claude_same_index": Outcome(
            calls=weather("toolu_01A", "toolu_01B"), tokens=(401, None, None, 97, None), end="tool_calls"
        ),
        "tools_claude_after_thinking": Outcome(
            "One moment.",
            "I need both.",
            calls=[("toolu_1", "get_weather", '{"city":"Paris"}'), ("toolu_2", "get_time", "{}")],
            end="tool_calls",
        ),
        "tools_gemini": Outcome(
            calls=weather("call_9f", "call_7c"), tokens=(70, None, None, 40, 12), end="tool_calls"
        ),
        "tools_gemini_after_text": Outcome(
            "Let me look.",
            calls=[("call_9f", "get_weather", '{"city":"Paris"}')],
            tokens=(70, 32, None, 20, 12),
            end="tool_calls",
        ),
        "tools_without_index": Outcome(
            calls=[("c1", "add", '{"a":1}'), ("c2", "add", '{"a": 2}')], end="tool_calls"
        ),
        "tools_cut_at_the_limit": Outcome(calls=[("c1", "add", '{"a":')], end="length"),
        "function_call": Outcome(calls=[("", "add", "{}")], end="tool_calls"),
        "error_chunk": Outcome(
            "The three", end=StreamRefused, message="The server had an error processing your request."
        ),
        "error_bare_json": Outcome(
            "The three",
            end=StreamRefused,
            message="Overloaded (request id: 20260208160821987654321AbCdEfGh)",
        ),
        "error_bare_json_of_several_lines": Outcome("The three", end=StreamRefused, message='a { b " c'),
        "error_bare_json_right_after_data": Outcome(
            "The three",
            end=StreamRefused,
            message="Overloaded (request id: 20260208160821987654321AbCdEfGh)",
        ),
        "error_after_finish": Outcome(
            "Four.", end=StreamRefused, message="Overloaded (request id: 20260208160821987654321AbCdEfGh)"
        ),
        "error_with_finish_reason": Outcome(end=StreamRefused, message="Provider returned error"),
        "error_first_then_an_answer": Outcome("Four.", end="stop"),
        "upstream_vanished": Outcome(
            "The three", end=StreamBroken, message="the stream ended without a finish_reason"
        ),
        "gemini_error": Outcome(
            "The three", end=StreamBroken, message="the stream ended without a finish_reason"
        ),
        "restart_after_error": Outcome("Four primes.", restarts=1, end="stop"),
        "restart_same_id_after_error": Outcome("Four.", restarts=1, end="stop"),
        "restart_without_error": Outcome("Four.", restarts=1, end="stop"),
        "restart_then_cut": Outcome(
            "Fo", restarts=1, end=StreamBroken, message="the stream ended without a finish_reason"
        ),
        "usage_on_the_last_content_chunk": Outcome("Hi", tokens=(20, 16, None, 1, None), end="stop"),
        "usage_on_many_chunks": Outcome("Hi", tokens=(9, None, None, 2, None), end="stop"),
        "usage_of_claude_with_cache": Outcome("Hi", tokens=(1091, 1024, 42, 310, 0), end="stop"),
        "usage_absurd": Outcome("Hi", tokens=(None, None, None, None, None), end="stop"),
        "empty_choices_first": Outcome("Hi", end="stop"),
        "finish_twice_and_content_with_it": Outcome("Hello", end="stop"),
        "finish_unknown": Outcome("Hi", end="pause_turn"),
        "finish_word_null": Outcome(
            "Hi!", end=StreamBroken, message="the stream ended without a finish_reason"
        ),
        "refusal": Outcome(refusal="I can't help.", end="stop"),
        "content_in_parts": Outcome("Hi there", end="stop"),
        "several_candidates": Outcome("Bb", end="stop"),
        "utf8": Outcome("Grüße, 世界 🎉\u2028e\u0301", end="stop"),
        "broken_surrogates": Outcome("😀 \ufffd \ufffd \\ud83d", end="stop"),
        "crlf": HELLO,
        "lone_cr": HELLO,
        "no_blank_after_colon": HELLO,
        "byte_order_mark": HELLO,
        "comments_everywhere": HELLO,
        "several_data_lines": Outcome("Hi", end="stop"),
        "no_last_blank_line": Outcome("Hi", end="stop"),
        "done_without_finish": Outcome(
            "Hel", end=StreamBroken, message="the stream ended without a finish_reason"
        ),
        "cut_between_events": Outcome(
            "Hel", end=StreamBroken, message="the stream ended without a finish_reason"
        ),
        "cut_in_an_event": Outcome(end=StreamBroken, message="the stream was cut in the middle of an event"),
        "cut_after_finish": Outcome("Hello", end="stop"),
        "not_json_in_the_middle": Outcome(
            end=UnreadableReply,
            message="the answer holds data that is not JSON: "
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        "not_json_after_finish": Outcome("Hello", end="stop"),
        "nan": Outcome(
            end=UnreadableReply, message="the answer holds data that is not JSON: NaN is not JSON"
        ),
        "whole_reply": GREETING,
        "whole_reply_of_several_lines": GREETING,
        "whole_reply_in_an_event": GREETING,
        "whole_reply_without_finish_reason": GREETING,
        "whole_reply_with_tools": Outcome(
            calls=weather("call_a", "call_b"), tokens=(9, None, None, 3, None), end="tool_calls"
        ),
        "whole_error": Outcome(end=StreamRefused, message="bad"),
        "whole_json_of_no_use": Outcome(end=UnreadableReply, message="the reply is JSON, but no answer"),
        "html": Outcome(end=UnreadableReply, message="an HTML page came instead of an answer"),
        "plain_words": Outcome(end=UnreadableReply, message="neither JSON nor an event stream"),
        "empty": Outcome(end=StreamBroken, message="the stream ended without a finish_reason"),
    },
    "responses": RESPONSES,
}

RECORDINGS = sorted(STREAMS.glob("*/*.sse"))
CASES = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: f"{path.parent.name}-{path.stem}")

# What each wire must have a recording of.
REQUIRED = {"plain_text", "thinking", "tools", "error", "cut", "usage"}


def read(recording: Path, chunks: list[bytes], *, breaks: bool = False) -> Outcome:
    """Read the chunks; `breaks`: the connection then ends as none may end."""

    def items() -> Iterator[sse.Item]:
        yield from sse.decode(chunks)
        if breaks:
            raise StreamBroken("the connection broke")

    return outcome_of(lambda: WIRES[recording.parent.name].decode(items()))


def items_in(chunks: list[bytes]) -> list[object]:
    items: list[object] = []
    try:
        items.extend(sse.decode(chunks))
    except UnreadableReply as error:
        items.append(error.message)
    return items


def test_every_wire_is_recorded_and_every_recording_is_expected():
    recorded = {(path.parent.name, path.stem) for path in RECORDINGS}

    assert recorded == {(wire, case) for wire, cases in EXPECTED.items() for case in cases}
    assert set(EXPECTED) == set(WIRES)
    for wire in WIRES:
        for subject in REQUIRED:
            assert any(case.startswith(subject) for case in EXPECTED[wire]), (wire, subject)


@CASES
def test_a_recording_gives_what_is_expected(recording):
    assert read(recording, [recording.read_bytes()]) == EXPECTED[recording.parent.name][recording.stem]


@CASES
def test_a_recording_may_be_split_at_every_byte(recording):
    body = recording.read_bytes()
    expected = EXPECTED[recording.parent.name][recording.stem]

    assert read(recording, [body[i : i + 1] for i in range(len(body))]) == expected
    # Beyond its items a wire sees nothing of the bytes.
    items = items_in([body])
    for at in range(1, len(body)):
        assert items_in([body[:at], body[at:]]) == items, at


@pytest.mark.parametrize("breaks", [False, True])
@CASES
def test_a_recording_cut_at_any_byte_is_never_taken_for_complete(recording, breaks):
    body = recording.read_bytes()
    wire, whole = recording.parent.name, EXPECTED[recording.parent.name][recording.stem]
    may_end = {"chat_completions": has_finish_reason, "responses": has_end}[wire]

    for at in range(len(body)):
        outcome = read(recording, [body[:at]], breaks=breaks)
        if isinstance(outcome.end, str):
            assert may_end(body, at, breaks=breaks), (at, outcome)
            if isinstance(whole.end, str) and not whole.restarts:
                # A beginning of it, and no word else.
                assert whole.text.startswith(outcome.text)
                assert whole.calls[: len(outcome.calls)] == outcome.calls


def has_finish_reason(body: bytes, at: int, *, breaks: bool) -> bool:
    """Whether a whole chunk with a finish_reason came; by other means than the code's."""
    if body.lstrip().startswith(b"{"):
        return at >= len(body.rstrip())
    end = 0
    for line in re.split(rb"(\r\n|\n|\r)", body):
        end += len(line)
        if re.search(rb'"finish_reason":\s*"[a-z_]{2,}', line) and b'"null"' not in line:
            return at >= end
    return False


def has_end(body: bytes, at: int, *, breaks: bool) -> bool:
    """Whether there is the end of a response or, before a good end of the transfer, a message and no call."""
    if body.lstrip().startswith(b"{"):
        return at >= len(body.rstrip())
    open_items, kinds = set(), set()
    for line in re.findall(rb"data:(.*)", body[:at]):
        if not line.strip():
            continue
        event = loaded(line)
        if event is None:
            return False
        kind = event.get("type", "whole")
        if kind in ("response.completed", "response.incomplete", "whole"):
            return True
        if kind == "response.created":
            open_items, kinds = set(), set()
        if item := event.get("item"):
            kinds.add((item["type"], item.get("status")) if kind.endswith("done") else (item["type"], ""))
            place = event.get("output_index", 0)
            open_items = open_items - {place} if kind.endswith("done") else open_items | {place}
    has_call = any(name.endswith("_call") and name != "web_search_call" for name, _ in kinds)
    return ("message", "completed") in kinds and not (breaks or open_items or has_call)


@functools.lru_cache(maxsize=4096)
def loaded(text: bytes) -> dict | None:
    try:
        return {} if text.strip() == b"[DONE]" else json.loads(text)
    except ValueError:
        return None
