"""What a text may do: security.md, lines 7 and 9. Read from the output as a browser reads it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.rendering.live_page import LivePage
from conversations.rendering.markdown import render
from conversations.rendering.streaming import BlockStream

from .inspection import inspect
from .texts import HOSTILE

# Texts made of what Markdown and HTML react to find more than random letters do.
_PIECES = st.one_of(
    st.sampled_from(
        [
            *("\n", "\n\n", "\r", "\r\n", " ", "    ", "\t", "a", "word ", "1. ", "- ", "- [x] ", "> ", "# "),
            *("*", "**", "_", "~~", "`", "```", "```py\n", "~~~\n", "|", "\n|-|-|\n", "| a | b |", "---\n"),
            *("===\n", "[", "]", "](", ")", "![", "<", ">", "</", "<b id=x>", '"', "'", "\\", "&", "&#13;"),
            *("[^1]", "[^1]: ", "[a]: https://b.c\n", "[a]", "https://a.b/c", "javascript:", "attachment:"),
            *(
                "0191b7f0-1111-2222-3333-444455556666",
                "data:image/png;base64,",
                "\x00",
                "\u202e",
                "\ud800",
                "é",
            ),
        ]
    ),
    st.text(max_size=6),
)
_TEXTS = st.lists(_PIECES, max_size=25).map("".join)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_makes_only_what_is_promised(text):
    inspect(render(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_does_so_inside_every_container(text):
    quoted = "".join(f"> {line}\n" for line in text.split("\n"))
    item = "- " + text.replace("\n", "\n  ")
    cell = "| a |\n|---|\n| " + text.replace("\n", " ").replace("|", "\\|") + " |"

    for inside in (quoted, item, cell, f"# {text}", f"**{text}**", f"[{text}](https://a.b)", f"![{text}](x)"):
        inspect(render(inside))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_as_harmless_while_it_streams(text):
    assert_safe_stream(list(text))
    for size in (2, 3, 7, 20):
        assert_safe_stream([text[start : start + size] for start in range(0, len(text), size)])
    for cut in range(1, len(text), 4):
        assert_safe_stream([text[:cut], text[cut:]])


@settings(max_examples=150, deadline=None)
@given(_TEXTS)
def test_any_text_makes_only_what_is_promised(text):
    inspect(render(text))


@settings(max_examples=100, deadline=None)
@given(st.lists(_TEXTS, max_size=12))
def test_any_text_in_any_pieces_is_safe_at_each_step_and_whole_at_the_end(pieces):
    assert_safe_stream(pieces)


def test_a_text_that_names_a_slot_gets_nothing_from_it():
    html = render("slot00000000000000000000000000000000n0e ```x``` \n\n```\ncode\n```")

    assert "slot00000000000000000000000000000000n0e" in html
    assert inspect(html).tags().count("button") == 2


def assert_safe_stream(pieces):
    """Feed `pieces`; check each part of each change, the page after each, and that the end is the whole."""
    stream = BlockStream()
    page = LivePage()
    for piece in pieces:
        change = stream.feed(piece)
        inspect(change.closed)
        if change.open_html is not None:
            inspect(change.open_html)
            assert change.open_html.count('<span class="open-text"></span>') <= 1
        page.apply(change)
        shown = inspect(page.html())
        if change.open_append:
            assert shown.with_class("open-text") == ["span"]
            assert "\r" not in change.open_append
        assert page.html() == stream.snapshot()
    assert stream.finish() == render("".join(pieces))
