"""The sentence that a search found, with its words marked. Text, never HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conversations.rendering import plain
from conversations.services import words
from conversations.services.words import Term

_BEFORE = 70
_LENGTH = 240
_MOST_MATCHES = 60
_ENDS = (". ", "! ", "? ", "\n", "。", "！", "？")


@dataclass(frozen=True)
class Run:
    """A stretch of text, marked or not."""

    text: str
    is_marked: bool


@dataclass(frozen=True)
class Snippet:
    """`whose`: the tool, or "Attachment", that it is of; empty for what was said."""

    runs: tuple[Run, ...] = ()
    whose: str = ""

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


def of(texts: Sequence[tuple[str, str]], terms: Sequence[Term]) -> Snippet:
    """Return the stretch of (whose, text) where most of the terms stand; the beginning where none does."""
    best: tuple[int, int, int] | None = None
    for number, (_, text) in enumerate(texts):
        found = _best_place(text, terms)
        if found and (best is None or found[0] > best[0]):
            best = (found[0], number, found[1])
    if best is None:
        whose, text = texts[0] if texts else ("", "")
        return Snippet(marked(plain.first_words(text, _LENGTH), terms), whose)
    whose, text = texts[best[1]]
    return Snippet(_around(text, best[2], terms), whose)


def marked(text: str, terms: Sequence[Term]) -> tuple[Run, ...]:
    """Return the whole text, what the terms found in it marked."""
    runs, at = [], 0
    for start, end, _ in _matches(text, terms):
        if start < at:
            continue
        runs += [Run(text[at:start], False), Run(text[start:end], True)]
        at = end
    return tuple(run for run in (*runs, Run(text[at:], False)) if run.text)


def _best_place(text: str, terms: Sequence[Term]) -> tuple[int, int] | None:
    """Return how many terms stand close together, and where; None where none stands anywhere."""
    found = []
    for match in _matches(text[: words.LONGEST], terms):
        found.append(match)
        if len(found) == _MOST_MATCHES:
            break
    best = None
    for place, (start, _, _) in enumerate(found):
        near = {term for at, _, term in found[place:] if at < start + _LENGTH - _BEFORE}
        if best is None or len(near) > best[0]:
            best = (len(near), start)
    return best


def _matches(text: str, terms: Sequence[Term]) -> Iterator[tuple[int, int, int]]:
    """Return start, end and term of what the terms find, in order."""
    if not terms:
        return
    longest = max(len(term.tokens) for term in terms)
    window: list[words.Piece] = []
    for piece in words.pieces(text):
        window.append(piece)
        if len(window) == longest:
            yield from _at_start(window, terms)
            window.pop(0)
    while window:
        yield from _at_start(window, terms)
        window.pop(0)


def _at_start(window: Sequence[words.Piece], terms: Sequence[Term]) -> Iterator[tuple[int, int, int]]:
    for number, term in enumerate(terms):
        if len(term.tokens) > len(window):
            continue
        *firm, last = zip(term.tokens, window, strict=False)
        ends = last[1].token.startswith(last[0]) if term.is_prefix else last[1].token == last[0]
        if ends and all(token == piece.token for token, piece in firm):
            yield window[0].start, last[1].end, number
            return


def _around(text: str, at: int, terms: Sequence[Term]) -> tuple[Run, ...]:
    start = max(0, at - _BEFORE)
    sentence = max(text.rfind(end, start, at) + len(end) if end in text[start:at] else -1 for end in _ENDS)
    if sentence >= 0:
        start = sentence
    elif start:
        blank = text.find(" ", start, at)
        start = blank + 1 if blank >= 0 else start
    stretch = text[start : start + _LENGTH + _BEFORE]
    runs = marked(_short(plain.plain_text(stretch)), terms)
    if not any(run.is_marked for run in runs):
        # It stood in what Markdown does not show: an address, a mark.
        runs = marked(_short(plain.visible(stretch)), terms)
    ahead = (Run("… ", False),) if start and sentence < 0 else ()
    return ahead + runs


def _short(text: str) -> str:
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1].rstrip() + "…"
