"""Tables that leave as CSV."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from conversations.services import tables


def read(header: list[str], rows: list[list[object]]) -> list[list[str]]:
    raw = b"".join(tables.csv_of(header, rows))
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "=cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "\x00=1",
    ],
)
def test_no_text_is_a_formula(text: str) -> None:
    (_, (cell, plain)) = read(["a", "b"], [[text, "x"]])

    assert cell.startswith("'")
    assert cell.endswith(text.replace("\x00", ""))
    assert plain == "x"


def test_a_header_is_none_either() -> None:
    assert read(["=a"], []) == [["'=a"]]


def test_numbers_stay_numbers_and_nothing_is_empty() -> None:
    assert read(["a"] * 5, [[-5, -1.5, Decimal("-0.5"), None, True]])[1] == ["-5", "-1.5", "-0.5", "", "True"]


def test_quotes_commas_lines_and_half_characters_survive() -> None:
    row = ['say "no"', "a,b;c", "two\nlines", "ünï", "\ud800"]

    assert read(["h"] * 5, [row])[1] == [*row[:4], "?"]


def test_a_long_table_leaves_in_pieces() -> None:
    taken = 0

    def rows() -> object:
        nonlocal taken
        for number in range(100_000):
            taken += 1
            yield [number]

    pieces = tables.csv_of(["n"], rows())  # type: ignore[arg-type]
    next(pieces)

    assert 0 < taken < 1_000
