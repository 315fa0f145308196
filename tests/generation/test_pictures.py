"""Pictures are lifted out of a stream of text, wherever the stream is cut."""

from __future__ import annotations

import base64
import re
import time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.generation.pictures import UNREADABLE, PictureLifter

ID = UUID("11111111-2222-3333-4444-555555555555")
PICTURE = bytes(range(100))
PAYLOAD = base64.b64encode(PICTURE).decode()
URI = f"data:image/png;base64,{PAYLOAD}"
MARK = f"attachment:{ID}"


class Shelf:
    """Keeps what it is given, or refuses everything."""

    def __init__(self, kept: UUID | None = ID) -> None:
        self.kept = kept
        self.pictures: list[tuple[bytes, str]] = []

    def __call__(self, content: bytes, media_type: str) -> UUID | None:
        self.pictures.append((content, media_type))
        return self.kept


def lift(*deltas: str, shelf: Shelf | None = None, limit: int = 1_000_000) -> str:
    lifter = PictureLifter(shelf or Shelf(), limit=limit)
    return "".join([lifter.feed(delta) for delta in deltas] + [lifter.finish()])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"See ![a cat]({URI}) there", f"See ![a cat]({MARK}) there"),
        (f"![]({URI})", f"![]({MARK})"),
        (f"![a](<{URI}>)", f"![a]({MARK})"),
        (f'![a]({URI} "A title")!', f"![a]({MARK})!"),
        (f"![a]({URI}\n)", f"![a]({MARK})"),
        (f"Here: {URI} done", f"Here: ![Picture]({MARK}) done"),
        (f"Here: {URI}", f"Here: ![Picture]({MARK})"),
        (f'<img src="{URI}">', f'<img src="![Picture]({MARK})">'),
        (f"[a link]({URI})", f"[a link]({MARK})"),
        (f"![a [b] c]({URI})", f"![a [b] c]({MARK})"),
        (f"![a](<x> [b](<{URI}>)", f"![a](<x> [b](<{MARK}>)"),
        (f"![cut off]({URI}", f"![cut off]({MARK})"),
        (f"![a]({URI}, and more)", f"![a]({MARK}), and more)"),
        (f"{URI}{URI}", f"![Picture]({MARK})![Picture]({MARK})"),
        (URI.replace("png", "svg+xml;charset=utf-8"), f"![Picture]({MARK})"),
        (URI.replace("data:image", "DATA:Image"), f"![Picture]({MARK})"),
    ],
)
def test_a_picture_leaves_its_place(text, left):
    shelf = Shelf()

    assert lift(text, shelf=shelf) == left
    assert {content for content, _ in shelf.pictures} == {PICTURE}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Wow! [not a picture](https://example.com) and data: and data:image/ too!",
        "![a](https://example.com/a.png)",
        "Write `![alt](data:image/png;base64,...)` into the page.",
        "Write ![alt](data:image/png;base64,iVBORw0KGgo=) into the page.",
        "data:image/png;charset=utf-8,hello data:text/plain;base64," + PAYLOAD,
        "![never closed",
        "![" * 50,
        "ends with a d",
        "ends with ![alt](data:image/png;ba",
        "![a](data:image/png;base64,AAAA",
        "data:image/png;base64,data:image/png;base64,",
    ],
)
def test_what_only_looks_like_a_picture_stays_text(text):
    shelf = Shelf()

    assert lift(text, shelf=shelf) == text
    assert lift(*text, shelf=shelf) == text
    assert shelf.pictures == []


@pytest.mark.parametrize("payload", [PAYLOAD[:-1], PAYLOAD[:-3], "A" * 40 + "=", "A" * 37])
def test_a_payload_that_does_not_decode_is_named(payload):
    shelf = Shelf()

    text = lift(f"One ![a](data:image/png;base64,{payload}) two", shelf=shelf)

    assert text == f"One {UNREADABLE} two"
    assert shelf.pictures == []


def test_padding_may_be_left_out():
    shelf = Shelf()

    lift(f"![a](data:image/png;base64,{PAYLOAD.rstrip('=')})", shelf=shelf)

    assert shelf.pictures == [(PICTURE, "image/png")]


def test_a_picture_that_nobody_keeps_is_named():
    assert lift(f"One ![a]({URI}) two", shelf=Shelf(kept=None)) == f"One {UNREADABLE} two"


def test_a_picture_over_the_limit_is_not_collected_and_never_text():
    shelf = Shelf()
    huge = "A" * 1000

    text = lift("One ![a](data:image/png;base64,", *[huge] * 100, ") two", shelf=shelf, limit=5000)

    assert text == f"One {UNREADABLE} two"
    assert shelf.pictures == []


def test_nothing_is_held_back_longer_than_needed():
    lifter = PictureLifter(Shelf())

    assert lifter.feed("an end") == "an en"
    assert lifter.feed("ing") == "ding"
    assert lifter.feed("Wow!") == "Wow"
    assert lifter.feed(" ![a](htt") == "! ![a](htt"
    assert lifter.feed("![a](data:image/p") == ""
    assert lifter.feed("ng,") == "![a](data:image/png,"
    assert lifter.feed("![" + "a" * 301) == "![" + "a" * 301


def test_a_lifter_goes_on_after_its_end():
    lifter = PictureLifter(Shelf())

    assert lifter.feed("one d") == "one "
    assert lifter.finish() == "d"
    assert lifter.finish() == ""
    assert lifter.feed("two") == "two"


_PIECES = st.sampled_from(
    [
        URI,
        f"![alt]({URI})",
        f'![alt]({URI} "title")',
        "data:image/png;base64,",
        "data:",
        "![",
        "](",
        ")",
        "=",
        '"',
        "<",
        ">",
        "alt",
        "A" * 40,
        "\n",
        " ",
        "é",
        "ſ",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES, max_size=12).map("".join), st.data())
def test_where_the_stream_is_cut_makes_no_difference(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    edges = [0, *cuts, len(text)]
    deltas = [text[start:end] for start, end in zip(edges, edges[1:], strict=False)]
    whole, cut, singly = Shelf(), Shelf(), Shelf()

    expected = lift(text, shelf=whole)

    assert lift(*deltas, shelf=cut) == expected
    assert lift(*text, shelf=singly) == expected
    assert whole.pictures == cut.pictures == singly.pictures
    assert not re.search(r"data:image/png;base64,[A-Za-z0-9+/]{32}", expected)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet="![]()<>da:t image/png;bse64,=AZ\n\"'", max_size=8), max_size=30))
def test_text_without_a_picture_is_never_lost(deltas):
    shelf = Shelf()

    text = lift(*deltas, shelf=shelf)

    if not shelf.pictures and UNREADABLE not in text:
        assert text == "".join(deltas)


@pytest.mark.parametrize(
    "unit", ["![", "!", "d", "data:", "data:image/", "![a", "![a](", URI[:40], f"![a]({URI[:30]})", "![a]\n"]
)
@pytest.mark.parametrize("size", [1, 1000, 10_000_000])
def test_hostile_text_takes_time_in_line_with_its_length(unit, size):
    length = 50_000 if size == 1 else 1_000_000
    text = unit * (length // len(unit))
    deltas = [text[at : at + size] for at in range(0, len(text), size)]

    start = time.perf_counter()
    lift(*deltas)

    assert time.perf_counter() - start < 3


def test_twenty_megabytes_in_small_deltas_take_seconds_at_most():
    shelf = Shelf()
    content = bytes(20_000_000)
    text = f"![a](data:image/png;base64,{base64.b64encode(content).decode()})"

    start = time.perf_counter()
    left = lift(*[text[at : at + 1000] for at in range(0, len(text), 1000)], shelf=shelf, limit=20_000_000)

    assert left == f"![a]({MARK})"
    assert shelf.pictures == [(content, "image/png")]
    assert time.perf_counter() - start < 5
