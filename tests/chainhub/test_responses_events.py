"""What an answer in the Responses format gives beside its text: what goes back, what went wrong, its end."""

import json
from pathlib import Path

import pytest

from conversations.chainhub import sse
from conversations.chainhub.errors import StreamRefused
from conversations.chainhub.events import Finished, Opaque, Started, TextDelta, ThinkingDelta, ToolCallDelta
from conversations.chainhub.wires import responses
from tests.chainhub.reading import STREAMS

EXAMPLES = Path(__file__).parent / "examples"


def test_the_published_reply_is_read():
    body = (EXAMPLES / "responses-function-call.response.json").read_text(encoding="utf-8")

    events = list(responses.decode_reply(json.loads(body)))

    assert events[0] == Started("resp_68ac1558e9488190bcc2cbb94c7d7a140b8064b15a091a77", "gpt-4.1-data")
    assert events[1:3] == [
        ToolCallDelta(0, "call_6kbB2GTk62PPUNdGuBJPx9KQ", "get_horoscope", ""),
        ToolCallDelta(0, "", "", '{"sign":"Aquarius"}'),
    ]
    assert events[-1] == Finished("tool_calls")


def test_events_come_in_the_order_in_which_they_go_back():
    recording = (STREAMS / "responses" / "tools_between_words.sse").read_bytes()
    kinds = []
    for event in responses.decode(sse.decode([recording])):
        kind = type(event)
        if kind in (Opaque, TextDelta, ThinkingDelta, ToolCallDelta) and kinds[-1:] != [kind]:
            kinds.append(kind)

    assert kinds == [ThinkingDelta, Opaque, TextDelta, ToolCallDelta] * 2


def test_an_opaque_item_is_what_came():
    recording = (STREAMS / "responses" / "thinking.sse").read_bytes()
    summary = "**Summing the series**\n\nUse n(n+1)/2 with n = 9985."

    opaque = [event for event in responses.decode(sse.decode([recording])) if isinstance(event, Opaque)]

    assert opaque == [
        Opaque(
            "reasoning",
            {
                "id": "rs_02",
                "type": "reasoning",
                "encrypted_content": "gAAAAB…",
                "summary": [{"type": "summary_text", "text": summary}],
            },
        )
    ]


@pytest.mark.parametrize(
    ("recording", "kind", "code"),
    [
        ("error_reasoning_refused", "reasoning_refused", "invalid_encrypted_content"),
        ("error_event_nested", "stream_refused", "server_error"),
        ("error_failed_alone", "stream_refused", "rate_limit_exceeded"),
    ],
)
def test_an_error_inside_the_stream_keeps_its_code(recording, kind, code):
    chunks = [(STREAMS / "responses" / f"{recording}.sse").read_bytes()]

    with pytest.raises(StreamRefused) as caught:
        list(responses.decode(sse.decode(chunks)))

    assert (caught.value.kind, caught.value.code) == (kind, code)


def test_the_end_is_told_so_that_nobody_waits_for_a_tail():
    told = []
    recording = (STREAMS / "responses" / "plain_text_and_done.sse").read_bytes()

    list(responses.decode(sse.decode([recording]), notice=told.append))

    assert told == [False] * 6 + [True, True]
