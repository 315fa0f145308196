"""Where a cut answer and its continuation meet."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conversations.generation import prefaces
from conversations.generation.seams import WINDOW, Seam
from conversations.practice.cutting import WHOLE

TEXTS = [
    WHOLE,
    "The tide turns twice a day. Somewhere, an interrupted sentence waits (patiently) for its end; then it "
    'goes on: "as if nothing had been said".\n\n## A heading\n\n1. One thing\n2. Another thing\n\n'
    "| Planet | Moons |\n| :--- | ---: |\n| Mercury | none at all |\n| Mars | two of them |\n\nThe very end.",
    "Sorry, dear reader, but this text begins like an apology. It is none: it is a letter, and goes on.",
    "Certainly not. Here is a poem about the sea, which has no rest:\n\n    indented, like code\n\nand over.",
    "潮水每天两次涨落。在某个地方，一个被打断的句子正在等待它的结尾；然后它继续说下去，好像什么都没有发生过。",
]
APOLOGIES = [
    "I apologize for the interruption. Continuing from where I left off:\n\n",
    "I'm sorry, my answer was cut off. Here is the rest:\n\n",
    "Sure, here is the rest of the answer:\n",
    "Continuing:\n\n",
    "Sorry about that. I'll continue where I stopped: ",
    "Of course! Let me continue.\n\n",
]


def after(said: str, new: str, size: int = 3) -> str:
    seam = Seam(said)
    pieces = [new[at : at + size] for at in range(0, len(new), size)]
    return said + "".join([*map(seam.feed, pieces), seam.finish()])


def last_words(said: str, count: int) -> str:
    begins = [found.start() for found in re.finditer(r"\w+", said)]
    return said[begins[-count] :] if len(begins) >= count else said


def last_sentence(said: str) -> str:
    begins = [found.end() for found in re.finditer(r"(?<=[.!?:])\s+|\n+", said.rstrip())]
    return said[begins[-1] :] if begins else said


words = st.text(st.characters(categories=["Ll"], max_codepoint=0x24F), min_size=4, max_size=9)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_cut_and_each_of_the_four_kinds_give_the_whole_text(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(TEXTS))
    at = data.draw(st.integers(1, len(whole)))
    size = data.draw(st.sampled_from([1, 3, 17, 5000]))
    said, rest = whole[:at], whole[at:]
    preface = data.draw(st.sampled_from(APOLOGIES))
    # Which of two line ends in a row set the preface off, and which are the text's, nobody could tell.
    assume(preface.endswith("\n\n") or not rest.startswith("\n"))
    ways = {
        "exact": rest,
        # Eight words of the ones that are there; in code they may be single letters.
        "repeat": last_words(said, 8) + rest,
        "restart": whole,
        "apology": preface + rest,
    }
    way = data.draw(st.sampled_from(sorted(ways)))

    assert after(said, ways[way], size) == whole


@settings(max_examples=200, deadline=None)
@given(st.lists(words, min_size=6, max_size=30, unique=True), st.data())
def test_any_words_at_all(text: list[str], data: st.DataObject) -> None:
    whole = " ".join(text)
    at = data.draw(st.integers(8, len(whole)))
    said, rest = whole[:at], whole[at:]
    # Where the very next letters are the last ones once more, nobody could tell a repetition.
    fragment = re.findall(r"\w*\Z", said)[0]
    assume(not fragment or not rest.startswith(fragment))

    assert after(said, rest, 2) == whole
    assert after(said, last_words(said, 3) + rest, 2) == whole
    assert after(said, whole, 2) == whole
    assert after(said, APOLOGIES[0] + rest, 2) == whole


@pytest.mark.parametrize("before", ["", APOLOGIES[0], "Sure! "])
def test_the_last_sentence_may_come_again(before: str) -> None:
    said = TEXTS[1][:60]

    assert after(said, before + last_sentence(said) + TEXTS[1][60:]) in (
        TEXTS[1],
        # "Sure!" alone says nothing of going on.
        said + before + last_sentence(said) + TEXTS[1][60:],
    )


def test_a_word_that_was_broken_is_said_whole_again() -> None:
    assert after("It was inter", "interrupted by the tide.") == "It was interrupted by the tide."


def test_white_space_that_was_said_already_is_not_said_twice() -> None:
    assert after("one two three four ", "three four five") == "one two three four five"
    assert after("one two three four\n", "three four\nfive") == "one two three four\nfive"
    assert after("one two three four", "\n\nthree four five") == "one two three four five"


def test_a_swallowed_space_is_put_back_where_that_is_plain() -> None:
    assert after("It ends here.", "Then it goes on.") == "It ends here. Then it goes on."
    assert after("It has two parts:", "- one\n- two") == "It has two parts:\n\n- one\n- two"
    assert after("the sea and the land, the land and the", "sea was calm") == (
        "the sea and the land, the land and the sea was calm"
    )


def test_code_is_never_given_a_space() -> None:
    said = "Look:\n\n```python\nprint(a.b.\n"

    assert after(said.rstrip(), "Next()") == said.rstrip() + "Next()"


def test_a_restart_that_turns_away_loses_nothing() -> None:
    said = "The tide turns twice a day. It is the moon that pulls the water. The sun helps a li"
    new = "The tide turns twice a day. It is the moon that draws the sea, and the sun that helps."

    assert after(said, new) == f"{said}\n\nIt is the moon that draws the sea, and the sun that helps."


def test_a_restart_that_does_not_reach_the_old_end_adds_nothing() -> None:
    assert after(TEXTS[1][:200], TEXTS[1][:150]) == TEXTS[1][:200]


def test_an_apology_that_is_part_of_the_text_stays() -> None:
    said = "Write to them like this: "

    assert after(said, "I apologize for the delay. Your parcel is on its way.") == (
        said + "I apologize for the delay. Your parcel is on its way."
    )


def test_what_was_cut_is_kept() -> None:
    seam = Seam("one two three four")
    shown = seam.feed("Sorry, I was interrupted. Continuing: three four five") + seam.finish()

    assert shown == " five"
    assert seam.discarded == "Sorry, I was interrupted. Continuing: three four"


def test_an_exact_continuation_is_shown_at_once() -> None:
    seam = Seam(TEXTS[1][:60])

    assert seam.feed("xylophones ") == "xylophones "


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ("a" * 200_000, "a" * 200_000),
        ("ab " * 60_000, "ab " * 60_000 + "c"),
        ("x" * 200_000, "Sorry " * 40_000),
        ("`" * 200_000, "I'll continue" * 20_000),
        ("one two " * 30_000, " " * 200_000),
        ("a. " * 60_000, "a. " * 30_000 + "b"),
    ],
)
def test_hostile_text_costs_little_and_is_not_held_for_ever(said: str, new: str) -> None:
    seam = Seam(said)
    began = time.process_time()
    for at in range(0, len(new), 7):
        seam.feed(new[at : at + 7])
        assert len(seam._held) <= WINDOW + prefaces.LONGEST
    seam.finish()

    assert time.process_time() - began < 5
