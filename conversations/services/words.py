"""One form of text for the search index and for what is looked for in it.

NFKC, case folded, cut into tokens of letters, digits and the marks that belong to them. What stands in
scripts that put no blanks between words (and Korean, whose words take endings) becomes overlapping pairs, and
its last character alone. So two characters are found wherever they stand, and a single one is the beginning
of a pair or the end of a run. A token that begins with "#" is a fact about a message and never text: no text
has that character in a token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# A message longer than that is searched in its beginning; a tsvector of Postgres holds a megabyte.
LONGEST = 250_000
# A data address is one token, and nobody types it.
_LONGEST_TOKEN = 64

_UNSPACED = (
    # Han, the signs that repeat, Bopomofo, Hiragana, Katakana
    "々-〇\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af"
    # Hangul
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
    # Thai, Lao, Burmese, Khmer
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ec6\u0ec8-\u0ecd\u1000-\u103f\u1780-\u17d3"
)
_PICTURES = "\u2600-\u27bf\U0001f300-\U0001faff"


def _marks() -> str:
    """Return the combining marks, which Python's \\w leaves out, as ranges of a character class."""
    ranges: list[list[int]] = []
    for code in range(0x300, 0x1_0000):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_TOKEN = re.compile(
    f"(?P<run>[{_UNSPACED}]+)|[{_PICTURES}]|(?:(?![{_UNSPACED}{_PICTURES}])(?:[^\\W_]|[{_marks()}]))+"
)
_ASCII_TOKEN = re.compile("[0-9a-z]+")
# What is not seen and stands inside words: soft hyphens, joiners, marks of direction, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


@dataclass(frozen=True)
class Term:
    """Tokens that stand side by side; with `is_prefix` the last one may go on."""

    tokens: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True)
class Piece:
    """A token of a text that is shown, and where it stands there. Of a run: one character."""

    token: str
    start: int
    end: int


def normalised(text: str) -> str:
    """Return `text` in one form whatever keyboard, case or width it was written with."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", folded))


def tokens(text: str) -> list[str]:
    """Return what the index holds of `text`, in order."""
    text = normalised(text[:LONGEST])[:LONGEST]
    if text.isascii():
        return [token[:_LONGEST_TOKEN] for token in _ASCII_TOKEN.findall(text)]
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        if run := match["run"]:
            found.extend(_pairs(run))
            found.append(run[-1])
        else:
            found.append(match[0][:_LONGEST_TOKEN])
    return found


def term_of(text: str, *, is_prefix: bool = False) -> Term | None:
    """Return what finds `text` in the index as it stands there; None where it holds no word."""
    text = normalised(text[:LONGEST])
    found: list[str] = []
    run = ""
    for match in _TOKEN.finditer(text):
        if run:
            found.append(run[-1])
        run = match["run"] or ""
        found.extend(_pairs(run) if run else [match[0][:_LONGEST_TOKEN]])
    if run:
        # How the run goes on is not known: its last character stands alone only where it is the only one.
        is_prefix = len(run) == 1
        if is_prefix:
            found.append(run)
    elif is_prefix and found and len(found[-1]) < 2:
        # One letter begins a tenth of all words.
        is_prefix = False
    return Term(tuple(found), is_prefix) if found else None


def pieces(text: str) -> Iterator[Piece]:
    """Return the tokens of a text as it is shown, with their places; runs by character."""
    for match in _TOKEN.finditer(text):
        if match["run"]:
            for place in range(match.start(), match.end()):
                yield Piece(normalised(text[place]), place, place + 1)
        else:
            yield Piece(normalised(match[0])[:_LONGEST_TOKEN], match.start(), match.end())


def spelled(text: str) -> list[str]:
    """Return the tokens of `text` as `pieces` would cut them."""
    return [piece.token for piece in pieces(normalised(text))]


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
