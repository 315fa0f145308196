"""The key is blanked out of an answer, in however many pieces it comes."""

import itertools

import pytest

from conversations.chainhub.errors import MESSAGE_LIMIT, ChainHubError
from conversations.chainhub.events import (
    Event,
    Finished,
    RefusalDelta,
    Restarted,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from conversations.chainhub.redacting import Redactor, redact_values

SECRET = "sk-abcabd-0123456789xyz"


def passed(*events: Event, secret: str = SECRET) -> list[Event]:
    redactor = Redactor(secret)
    shown = [shown for event in events for shown in redactor.pass_on(event)]
    return shown + list(redactor.rest())


def said(*pieces: str) -> str:
    """What a reader sees of a text that came in `pieces`."""
    shown = passed(*map(TextDelta, pieces))
    assert all(isinstance(event, TextDelta) and event.text for event in shown)
    return "".join(event.text for event in shown)


def test_every_way_to_cut_it_in_three_is_found() -> None:
    text = f"a {SECRET} b"
    for first, second in itertools.combinations(range(len(text) + 1), 2):
        assert said(text[:first], text[first:second], text[second:]) == "a [redacted] b"


def test_letter_by_letter_and_twice_in_a_row_it_is_found() -> None:
    assert said(*f"{SECRET}{SECRET}!") == "[redacted][redacted]!"


@pytest.mark.parametrize(
    "text",
    ["sk-", "ask-abcab", "sk-abcabcabd-0", "sksk-abc", "tsk, task and desk", "", "s", SECRET[:-1] + "!"],
)
def test_what_only_begins_like_it_stays_as_it_was(text: str) -> None:
    assert said(*f"{text} and more") == f"{text} and more"


def test_what_begins_again_in_the_middle_is_found() -> None:
    assert said(*f"sk-abc{SECRET}") == "sk-abc[redacted]"


def test_nothing_is_held_back_but_a_possible_beginning() -> None:
    redactor = Redactor(SECRET)

    assert list(redactor.pass_on(TextDelta("Hello"))) == [TextDelta("Hello")]
    assert list(redactor.pass_on(TextDelta(" tasks"))) == [TextDelta(" task")]
    assert list(redactor.pass_on(TextDelta(" wait"))) == [TextDelta("s wait")]


def test_a_half_whose_end_never_came_is_blanked_and_a_common_beginning_is_not() -> None:
    assert said("The key is ", SECRET[:15]) == "The key is [redacted]"
    assert said("Keys begin with sk-") == "Keys begin with sk-"


def test_another_kind_of_event_comes_after_what_was_held_back() -> None:
    held = "sk-abc"
    for other in (ThinkingDelta("x"), RefusalDelta("x"), Restarted(), Finished("stop")):
        assert passed(TextDelta(held), other) == [TextDelta(held), other]
    assert passed(ThinkingDelta(SECRET[:9]), TextDelta(SECRET[9:])) == [
        ThinkingDelta(SECRET[:9]),
        TextDelta(SECRET[9:]),
    ]


def test_arguments_of_calls_that_alternate_are_searched_each_by_itself() -> None:
    pieces = [
        ToolCallDelta(0, "call_0", "fetch", f'{{"q": "{SECRET[:8]}'),
        ToolCallDelta(1, "call_1", "fetch", f"{SECRET[:12]}"),
        ToolCallDelta(0, "", "", f'{SECRET[8:]}"}}'),
        ToolCallDelta(1, "", "", SECRET[12:]),
        Finished("tool_calls"),
    ]

    shown = passed(*pieces)

    for key, arguments in ((0, '{"q": "[redacted]"}'), (1, "[redacted]")):
        calls = [event for event in shown if isinstance(event, ToolCallDelta) and event.key == key]
        assert "".join(call.arguments for call in calls) == arguments
        assert calls[0].call_id == f"call_{key}"
    assert shown[-1] == Finished("tool_calls")


def test_arguments_that_end_like_a_beginning_are_whole() -> None:
    shown = passed(ToolCallDelta(0, "c", "f", "tasks"), Finished("tool_calls"))

    assert "".join(event.arguments for event in shown if isinstance(event, ToolCallDelta)) == "tasks"
    assert shown[-1] == Finished("tool_calls")


def test_without_a_key_everything_passes_at_once() -> None:
    assert passed(TextDelta("s"), TextDelta("k"), secret="") == [TextDelta("s"), TextDelta("k")]


def test_parsed_json_holds_no_key_in_texts_or_names() -> None:
    body = {"data": [{"id": f"of-{SECRET}", SECRET: [SECRET, 1, None, True, 1.5]}]}

    assert redact_values(body, SECRET) == {
        "data": [{"id": "of-[redacted]", "[redacted]": ["[redacted]", 1, None, True, 1.5]}]
    }


def test_a_message_is_cut_after_the_key_is_blanked_out() -> None:
    error = ChainHubError("x" * (MESSAGE_LIMIT - 10) + SECRET + "y" * MESSAGE_LIMIT)

    error.sign(request_id="", secret=SECRET)

    assert error.message == "x" * (MESSAGE_LIMIT - 10) + "[redacted]"
