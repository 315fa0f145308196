import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chainhub.strict_json import DEPTH_LIMIT, NotJson, load_object, loads

REFUSED = ["NaN", "[Infinity]", "-Infinity", "1e999", "[-1e999]", "", "{", "{'a':1}", "9" * 5_000]


@pytest.mark.parametrize("text", [*REFUSED, "[" * 100_000, '{"a":' * 5_000], ids=lambda text: text[:12])
def test_what_is_refused(text):
    with pytest.raises(NotJson):
        loads(text)


def test_depth_is_bounded():
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        inside = opening * DEPTH_LIMIT + "1" + closing * DEPTH_LIMIT
        assert loads(inside)
        with pytest.raises(NotJson, match="deep"):
            loads(opening + inside + closing)


def test_width_is_not_depth():
    inside = "[" * (DEPTH_LIMIT - 1) + "[1],[2]" + "]" * (DEPTH_LIMIT - 1)
    assert loads(inside)
    assert len(loads("[" + "[1]," * 500 + "{}]")) == 501


def test_bytes_may_have_a_mark_and_broken_characters():
    assert loads(b'\xef\xbb\xbf"\xff"') == "\ufffd"


@pytest.mark.parametrize("text", ["[]", "3", '"a"', "null"])
def test_an_object_is_asked_for(text):
    with pytest.raises(NotJson):
        load_object(text)


def test_text_that_no_database_can_hold_is_mended():
    assert loads(r'"\ud83d\ude00|\ud83d|\ude00\ud83d|\u0000|\\u0000|\\\ud83d|\n\u00e9"') == (
        "😀|\ufffd|\ufffd\ufffd|\ufffd|\\u0000|\\\ufffd|\né"
    )


@given(st.text())
def test_nothing_but_not_json_is_raised(text):
    with contextlib.suppress(NotJson):
        loads(text)


HALVES = st.text(st.characters(categories=["Cs", "Lu"]) | st.sampled_from("\\\0ud8"), max_size=8)


@given(st.lists(HALVES))
def test_what_it_returns_can_be_encoded(value):
    found = "".join(loads(json.dumps(value)))

    assert found.encode() is not None
    assert "\0" not in found
