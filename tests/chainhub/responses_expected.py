"""What the recordings of the Responses format give. No test in here."""

from conversations.chainhub.errors import StreamBroken, StreamRefused, UnreadableReply
from tests.chainhub.reading import Outcome

COUNTED = (30, 20, None, 9, 4)
NO_END = "the stream ended without response.completed"

HELLO = Outcome("Hello", tokens=COUNTED, end="stop")
THOUGHT = Outcome("Hello", "Hm. So.", opaque=["rs_1"], tokens=COUNTED, end="stop")
ADD = ("call_a", "add", '{"a":1}')
ADDED = Outcome(calls=[ADD], tokens=COUNTED, end="tool_calls")
FOUR = Outcome("Four.", tokens=COUNTED, end="stop")


def broken(text: str = "", message: str = NO_END, **fields: object) -> Outcome:
    return Outcome(text, end=StreamBroken, message=message, **fields)


def refused(text: str, message: str) -> Outcome:
    return Outcome(text, end=StreamRefused, message=message)


RESPONSES = {
    "plain_text": Outcome("Hello there.", tokens=(9, 0, None, 3, 0), end="stop"),
    "plain_text_and_done": HELLO,
    "thinking": Outcome(
        "49,855,105",
        "**Summing the series**\n\nUse n(n+1)/2 with n = 9985.",
        opaque=["rs_02"],
        tokens=(16, 0, None, 220, 192),
        end="stop",
    ),
    "thinking_in_parts": Outcome(
        "Yes", "First.\n\nThen.\n\nLast.", opaque=["rs_1", "rs_2"], tokens=COUNTED, end="stop"
    ),
    "thinking_only_when_done": Outcome("Yes", "One.\n\nTwo.", opaque=["rs_1"], tokens=COUNTED, end="stop"),
    "thinking_raw": Outcome("Yes", "Hm, so.", opaque=["rs_1"], tokens=COUNTED, end="stop"),
    "thinking_without_encryption": Outcome("Yes", "Hm. So.", tokens=COUNTED, end="stop"),
    "tools_parallel": Outcome(
        calls=[
            ("call_a", "math_calculator", '{"a":123.5,"b":456.7,"operation":"add"}'),
            ("call_b", "current_time", "{}"),
        ],
        tokens=(210, 0, None, 48, 0),
        end="tool_calls",
    ),
    "tools_alternating": Outcome(calls=[ADD, ("call_b", "add", '{"b":2}')], tokens=COUNTED, end="tool_calls"),
    "tools_between_words": Outcome(
        "First this. Then that.",
        "Both.Next.",
        calls=[ADD, ("call_b", "add", '{"a":2}')],
        opaque=["rs_1", "rs_2"],
        tokens=COUNTED,
        end="tool_calls",
    ),
    "tools_in_one_piece": ADDED,
    "tools_added_was_lost": ADDED,
    "tools_never_done_but_whole": ADDED,
    "tools_told_again_by_another_name": ADDED,
    "tools_arguments_empty": Outcome(calls=[("call_a", "add", "")], tokens=COUNTED, end="tool_calls"),
    "tools_arguments_decoded": Outcome(
        calls=[("call_a", "add", '{"a": 1}')], tokens=COUNTED, end="tool_calls"
    ),
    "tools_spaced_differently": Outcome(
        calls=[("call_a", "add", '{"a": 1}')], tokens=COUNTED, end="tool_calls"
    ),
    "tools_without_a_call_id": Outcome(calls=[("fc_1", "add", "{}")], tokens=COUNTED, end="tool_calls"),
    "tools_only_in_the_end": Outcome(
        "I look.", calls=[ADD, ("call_b", "add", '{"a":2}')], tokens=COUNTED, end="tool_calls"
    ),
    "tools_cut_at_the_limit": Outcome(calls=[("call_a", "add", '{"a":')], tokens=COUNTED, end="length"),
    "tools_without_an_end": broken("I look.", calls=[ADD]),
    "tools_pieces_do_not_add_up": broken(
        message="the pieces of a tool call's arguments do not make the whole of them",
        calls=[("call_a", "add", '{"a":3}')],
    ),
    "tools_half_in_a_complete_answer": broken(
        message="the answer ended in the middle of a tool call", calls=[("call_a", "add", '{"a":')]
    ),
    "tools_of_another_kind": broken("Hm."),
    "tools_of_another_kind_complete": Outcome("Hm.", tokens=COUNTED, end="stop"),
    "error_event_then_failed": refused("The three", "The server had an error while processing your request."),
    "error_event_nested": refused("The three", "Overloaded"),
    "error_failed_alone": refused("The three", "Slow down."),
    "error_failed_without_words": refused("", "The gateway says that the answer failed, and not why."),
    "error_bare_json": refused("The three", "Overloaded (request id: 2026)"),
    "error_chunk": refused("", "Overloaded"),
    "error_after_completed": refused("Four.", "Overloaded"),
    "error_reasoning_refused": refused("", "The encrypted content could not be verified."),
    "error_first_then_an_answer": FOUR,
    "cut_between_events": broken("Hel"),
    "cut_in_an_event": broken(message="the stream was cut in the middle of an event"),
    "cut_before_the_item_is_done": broken("Hello"),
    "cut_after_thinking": broken(thinking="Hm. So.", opaque=["rs_1"]),
    "cut_after_completed": HELLO,
    "no_end_after_a_message": Outcome("Hello", "Hm. So.", opaque=["rs_1"], end="stop"),
    "no_end_after_a_message_but_done": Outcome("Hello", end="stop"),
    "no_end_after_half_a_message": broken("Hello"),
    "no_end_with_an_item_open": broken("Hello"),
    "beginning_and_end_are_lost": Outcome("Hello", end="stop"),
    "incomplete_length": Outcome("Hel", tokens=COUNTED, end="length"),
    "incomplete_length_without_a_beginning": Outcome("…", tokens=(30, 0, None, 64, 0), end="length"),
    "incomplete_filtered": Outcome("Hel", tokens=COUNTED, end="content_filter"),
    "incomplete_for_another_reason": Outcome(calls=[ADD], tokens=COUNTED, end="max_tool_calls"),
    "incomplete_without_a_reason": Outcome("Hel", tokens=COUNTED, end="incomplete"),
    "usage_absurd": Outcome("Hi", tokens=(None, None, None, None, None), end="stop"),
    "usage_missing": Outcome("Hi", end="stop"),
    "refusal": Outcome(refusal="I can't help.", tokens=COUNTED, end="stop"),
    "said_twice": HELLO,
    "said_in_part": Outcome("Hello there.", tokens=COUNTED, end="stop"),
    "said_only_when_done": HELLO,
    "said_after_the_end": HELLO,
    "said_only_in_the_end": THOUGHT,
    "said_otherwise_in_the_end": Outcome("Hello ", tokens=COUNTED, end="stop"),
    "ids_of_their_own": Outcome(
        "Hello", "Hm. So.", calls=[ADD], opaque=["rs_y"], tokens=COUNTED, end="tool_calls"
    ),
    "index_missing": HELLO,
    "index_missing_but_named": Outcome("Hello", calls=[ADD], tokens=COUNTED, end="tool_calls"),
    "types_nobody_knows": HELLO,
    "restart_with_a_new_id": Outcome("Four.", tokens=COUNTED, restarts=1, end="stop"),
    "restart_after_an_error": Outcome("Four.", tokens=COUNTED, restarts=1, end="stop"),
    "restart_then_cut": broken("Fo", restarts=1),
    "crlf": HELLO,
    "comments_everywhere": HELLO,
    "no_event_names": HELLO,
    "no_last_blank_line": HELLO,
    "utf8": Outcome("Grüße, 世界 🎉", tokens=COUNTED, end="stop"),
    "whole_reply": Outcome("Hello there", "Hm. So.", opaque=["rs_1"], tokens=COUNTED, end="stop"),
    "whole_reply_in_an_event": Outcome("Hello there", "Hm. So.", opaque=["rs_1"], tokens=COUNTED, end="stop"),
    "whole_reply_incomplete": Outcome(
        "Hello there", "Hm. So.", opaque=["rs_1"], tokens=COUNTED, end="length"
    ),
    "whole_reply_with_a_tool": Outcome(
        calls=[("call_6kbB2GTk62PPUNdGuBJPx9KQ", "get_horoscope", '{"sign":"Aquarius"}')],
        tokens=(62, 0, None, 18, 0),
        end="tool_calls",
    ),
    "whole_reply_without_a_status": Outcome("Hello", end="stop"),
    "whole_reply_failed": refused("", "The model failed."),
    "whole_reply_still_queued": broken(),
    "whole_error": refused("", "bad"),
    "whole_json_of_no_use": Outcome(end=UnreadableReply, message="the reply is JSON, but no answer"),
    "html": Outcome(end=UnreadableReply, message="an HTML page came instead of an answer"),
    "empty": broken(),
    "not_json_in_the_middle": Outcome(
        end=UnreadableReply,
        message="the answer holds data that is not JSON: "
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    "not_json_after_completed": HELLO,
    "chunks_of_the_chat_format": broken(),
}
