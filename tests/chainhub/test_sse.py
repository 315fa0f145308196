import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.chainhub import sse
from conversations.chainhub.errors import ChainHubError, UnreadableReply
from conversations.chainhub.sse import BareJson, ServerSentEvent
from conversations.chainhub.wires import chat_completions
from tests.chainhub.reading import STREAMS, outcome_of


def decode(*chunks: bytes, **options) -> list:
    return list(sse.decode(chunks, **options))


def test_an_event_is_out_as_soon_as_its_blank_line_came():
    came = []

    def chunks():
        for chunk in (b"data: a\r", b"\n\r", b"\ndata: b", b"\n\n"):
            yield chunk
            came.append(len(seen))

    seen = []
    for item in sse.decode(chunks()):
        seen.append(item)

    assert seen == [ServerSentEvent("a"), ServerSentEvent("b")]
    # The first one needed only the second "\r", not the "\n" of the chunk after.
    assert came == [0, 1, 1, 2]


def test_a_line_feed_of_a_crlf_that_two_chunks_share_ends_no_event():
    assert decode(b"data: a\r", b"", b"\ndata: b\r\n\r\n") == [ServerSentEvent("a\nb")]


def test_names_and_other_fields():
    body = b"event: ping\nid: 3\nretry: 10\nodd\ndata: x\n\ndata: y\n\nevent: alone\n\n"

    assert decode(body) == [ServerSentEvent("x", "ping"), ServerSentEvent("y")]


def test_bare_json_between_events():
    body = b'data: x\n{"error":{"message":"a } \\" {"}}\n\ndata: y\n\n'

    assert decode(body) == [
        ServerSentEvent("x"),
        BareJson('{"error":{"message":"a } \\" {"}}'),
        ServerSentEvent("y"),
    ]


def test_bare_json_that_is_cut():
    assert decode(b'{"error": {\n"a": 1') == [BareJson('{"error": {\n"a": 1', is_whole=False)]


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: " + b"x" * 200],
        [b"x" * 60] * 4,
        [b"data: " + b"x" * 30 + b"\n"] * 9,
        [b'{"a":\n' + b'"' + b"x" * 30 + b'",\n'] * 9,
        [b": " + b"x" * 50, b"x" * 50 + b"\n\n"],
    ],
)
def test_what_never_ends_is_refused(chunks):
    with pytest.raises(UnreadableReply, match="longer than we take"):
        decode(*chunks, limit=100)


def test_many_small_events_are_not_one_long_one():
    assert len(decode(*[b"data: 0123456789\n\n"] * 100, limit=100)) == 100


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 8_000_000,
        b"data: " + b"x" * 8_000_000,
        b'{"a":"' + b'\\"' * 4_000_000,
        b"{" * 8_000_000,
        b"\r" * 300_000,
    ],
    ids=["line", "data", "string", "braces", "returns"],
)
def test_hostile_bodies_take_linear_time(body):
    chunks = [body[i : i + 1000] for i in range(0, len(body), 1000)]
    before = time.process_time()

    with contextlib.suppress(ChainHubError):
        decode(*chunks)

    assert time.process_time() - before < 6


ALPHABET = st.sampled_from(
    [
        b"data: ",
        b"data:",
        b": PING",
        b"\n",
        b"\r",
        b"\r\n",
        b"{",
        b"}",
        b'"',
        b"\\",
        b"[DONE]",
        b"<",
        b"\xff",
        b"\xe4",
    ]
    + [b'{"error":{"message":"no"}}', b'{"choices":[{"delta":{"content":"x"}}]}', b"event: a", b"NaN", b" "]
    + [
        b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}',
        b'{"choices":[{}],"usage":{"a":[]}}',
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ALPHABET, max_size=30))
def test_nothing_but_our_own_errors_comes_out(pieces):
    whole = outcome_of(lambda: chat_completions.decode(sse.decode([b"".join(pieces)])))
    split = outcome_of(lambda: chat_completions.decode(sse.decode(pieces)))

    assert whole == split
    assert whole.end is not None


NAMES = """
    id model choices index delta message content reasoning_content refusal tool_calls function function_call
    name arguments finish_reason usage prompt_tokens prompt_tokens_details cached_tokens error type code role
    text
"""
KEYS = st.sampled_from(NAMES.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_json_of_any_shape_is_an_answer_or_our_own_error(body):
    outcome = outcome_of(lambda: chat_completions.decode_reply(body))

    assert outcome.end is not None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_recording_with_a_flipped_byte_never_escapes(data):
    recording = data.draw(st.sampled_from(sorted(STREAMS.glob("*/*.sse"))))
    body = bytearray(recording.read_bytes())
    if body:
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    assert outcome_of(lambda: chat_completions.decode(sse.decode([bytes(body)]))).end is not None
