"""Tokens that are counted here, because nobody told them."""

from __future__ import annotations

import pytest

from conversations.chainhub import messages
from conversations.services import estimating


def test_a_text_is_counted_as_the_newest_models_count_it() -> None:
    # "Hello", " world", "!": three.
    assert estimating.tokens_in(["Hello", " world!"]) == 3
    assert estimating.tokens_in([]) == 0
    assert estimating.tokens_in([""]) == 0


def test_a_long_text_counts_in_proportion() -> None:
    sentence = "The quick brown fox jumps over the lazy dog. "
    short, long = (estimating.tokens_in([sentence * number]) for number in (100, 10_000))

    assert long == pytest.approx(100 * short, rel=0.02)


@pytest.mark.parametrize("text", ["a", "漢字", " ", "\ud800", "🙂"])
def test_a_run_without_a_break_is_broken_up(text: str) -> None:
    # What one piece costs grows with the square of its length: as a whole these take many seconds.
    run = text * 60_000

    assert estimating.tokens_in([run]) > 0
    pieces = list(estimating._pieces(run))
    assert "".join(pieces) == run
    assert max(len(piece) for piece in pieces) <= 48


def test_what_was_asked_counts_with_tools_and_pictures() -> None:
    request = messages.ChatRequest(
        model="m",
        messages=(
            messages.Message("system", (messages.Text("Hello world!"),)),
            messages.Message("user", (messages.Image("https://example.com/a.png"),)),
        ),
    )

    bare = estimating.usage_of(request, ["Hello"])
    with_tool = estimating.usage_of(
        messages.ChatRequest("m", request.messages, tools=(messages.Tool("time", "Tells the time."),)), []
    )

    # 3 for the text, 4 around each message, 800 for the picture.
    assert (bare.input_tokens, bare.output_tokens) == (811, 1)
    assert with_tool.input_tokens is not None
    assert with_tool.input_tokens > 811
    assert with_tool.output_tokens == 0
