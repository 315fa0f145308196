"""Results as models get them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.tools import results


def test_a_result_is_json_in_its_own_letters() -> None:
    assert results.as_text({"größe": ["ü", 1]}, limit=100) == '{"größe": ["ü", 1]}'
    assert results.as_text("a word", limit=100) == '"a word"'
    assert results.as_text(None, limit=100) == "null"


def test_numbers_dates_and_ids_become_text() -> None:
    value = [Decimal("580.20"), date(2026, 1, 2), datetime(2026, 1, 2, 3, tzinfo=UTC), UUID(int=1)]

    assert json.loads(results.as_text(value, limit=1000)) == [
        "580.20",
        "2026-01-02",
        "2026-01-02T03:00:00+00:00",
        "00000000-0000-0000-0000-000000000001",
    ]


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), [float("inf")], b"bytes"])
def test_what_json_cannot_hold_is_an_error(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        results.as_text(value, limit=100)


def test_half_a_pair_is_mended() -> None:
    assert results.as_text("a\ud800", limit=100) == '"a\ufffd"'
    assert results.error_text("a\ud800\0") == "a\ufffd\ufffd"


def test_a_long_result_says_how_much_was_left_out() -> None:
    text = results.as_text("x" * 1_000_000, limit=2_000)

    cut = json.loads(text)
    assert len(text) <= 2_000
    assert cut["beginning"].startswith('"xxx')
    left_out = 1_000_002 - len(cut["beginning"])
    assert cut["cut"] == (f"The result was too long: {left_out:,} of its 1,000,002 characters were left out.")


@settings(deadline=None)
@given(st.text(alphabet='a"\\\n\x00ü😀', min_size=300, max_size=900), st.integers(200, 800))
def test_a_cut_result_is_json_and_the_beginning_of_the_whole(value: str, limit: int) -> None:
    whole = json.dumps(value, ensure_ascii=False)

    text = results.as_text(value, limit=limit)

    assert len(text) <= max(limit, 300)
    read = json.loads(text)
    if len(whole) <= limit:
        assert read == value
    else:
        assert whole.startswith(read["beginning"])


def test_secrets_are_cut_out_before_anything_else() -> None:
    secret = 'sk-"0123\\456789'

    text = results.as_text({"said": f"the key is {secret}!"}, limit=1000, secrets=[secret, ""])

    assert json.loads(text) == {"said": "the key is [redacted]!"}
    assert results.error_text(f"no: {secret}", [secret]) == "no: [redacted]"


def test_a_secret_is_not_left_in_half_by_the_cut() -> None:
    secret = "sk-0123456789"

    for length in range(40):
        text = results.as_text("x" * (780 + length) + secret + "y" * 2000, limit=1000, secrets=[secret])
        assert "sk-" not in text


def test_the_longer_of_two_secrets_goes_whole() -> None:
    assert results.redacted("abcdef", ["abc", "abcdef"]) == "[redacted]"


def test_a_long_error_is_shortened() -> None:
    assert len(results.error_text("x" * 5000)) == results.ERROR_LIMIT
