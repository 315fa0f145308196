"""Where a cut answer and its continuation meet: the one text that comes of both.

A model that is asked to go on does one of four things: it goes on exactly, says the last words again, starts
over, or begins with a preface ("I apologize for the interruption. Continuing from where I left off:"). A
`Seam` holds the beginning of the continuation back until it knows which, and lets through what is new:

    seam = Seam(said)
    for delta in stream:
        show(seam.feed(delta))
    show(seam.finish())
    keep_for_reviewers(seam.discarded)

Where a restatement turns away from what was said, the new text stands after a paragraph break: nothing is
lost. What cannot be told apart (a text that says the same words twice at the very place where it was cut) is
taken for a repetition from two different words on.

Bounds: at most about WINDOW + prefaces.LONGEST characters are held, and compared with as many of `said`;
after that each character is looked at once.
"""

from __future__ import annotations

import enum
import re

from conversations.generation import prefaces

# How far back a repetition may begin, in characters.
WINDOW = 1000
# So much of its beginning a text must say again before it counts as started over.
RESTART = 32
_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_LAST_WORD = re.compile(r"[^\W_]+\Z")
_FIRST_WORD = re.compile(r"[^\W_]+")
_LONGEST_WORD = 40
_SENTENCE_END = re.compile(r"[^\W\d_][)\"”’]?[.!?]\Z")
_SENTENCE_BEGIN = re.compile(r"(?<=[.!?:])\s+|\n+")
_BLOCK_BEGIN = re.compile(r"#{1,6} |```|> |[-*+] |\d{1,3}[.)] ")


class _Mode(enum.Enum):
    HOLDING = enum.auto()
    RESTATING = enum.auto()
    JOINING = enum.auto()
    PASSING = enum.auto()


class Seam:
    """Feed it a continuation of `said`; it returns what is to be shown after `said`."""

    def __init__(self, said: str) -> None:
        self._said = said
        # Compared without the white space at its end, which a model may leave out or say otherwise.
        self._core = said.rstrip()
        self._first = len(self._core) - len(self._core.lstrip())
        self._mode = _Mode.HOLDING if self._core else _Mode.PASSING
        self._held = ""
        self._at = 0
        self._cut: list[str] = []

    @property
    def discarded(self) -> str:
        """What was said again or beside the matter, and not let through."""
        return "".join(self._cut)

    @property
    def is_holding(self) -> bool:
        """Whether something came of which nothing is shown yet."""
        return bool(self._held or self._cut)

    @property
    def is_passed(self) -> bool:
        """Whether all that comes now is new."""
        return self._mode is _Mode.PASSING

    def feed(self, delta: str) -> str:
        match self._mode:
            case _Mode.PASSING:
                return delta
            case _Mode.RESTATING:
                return self._restate(delta)
            case _Mode.JOINING:
                return self._join(self._held + delta, is_end=False)
        self._held += delta
        return self._decide(is_end=False)

    def finish(self) -> str:
        """Return what was held back: nothing more comes."""
        if self._mode is _Mode.HOLDING and self._held:
            return self._decide(is_end=True)
        if self._mode is _Mode.JOINING:
            return self._join(self._held, is_end=True)
        return ""

    # --- What it is -------------------------------------------------------------------------------------

    def _decide(self, *, is_end: bool) -> str:
        start = prefaces.length_in(self._held, is_end=is_end)
        if start is None:
            return ""
        # Held once: what is cut or let through below is taken from here.
        text = self._held[start:]
        body = text.lstrip()
        if not body:
            return self._pass(start, text) if is_end or len(text) > WINDOW else ""
        lead = self._core[self._first :]
        if body.startswith(lead):
            return self._after(start + len(text) - len(body) + len(lead))
        overlap, is_open = self._overlap(body)
        restated = _common(lead, body)
        if not is_end and len(body) <= WINDOW and (is_open or (overlap and restated == len(body))):
            return ""
        if restated >= RESTART and (restated == len(body) or not overlap):
            return self._begin_again(start + len(text) - len(body), body)
        if overlap:
            return self._after(start + len(text) - len(body) + overlap)
        if said_again := self._broken_word(text):
            return self._after(start + said_again)
        joint = self._joint(text, is_end=is_end)
        return "" if joint is None else self._pass(start, joint + text)

    def _overlap(self, body: str) -> tuple[int, bool]:
        """Return how many of its first characters say the end of the core again, and whether more may."""
        core, first = self._core, max(self._first, len(self._core) - WINDOW)
        is_open = False
        at = core.find(body[0], first)
        while at != -1:
            if len(core) - at > len(body):
                is_open = is_open or core.startswith(body, at)
            elif body.startswith(core[at:]) and _begins_a_word(core, at):
                # The longest one that has ended; a shorter one says less.
                return len(core) - at if _is_repetition(core[at:]) else 0, is_open
            at = core.find(body[0], at + 1)
        return 0, is_open

    def _broken_word(self, text: str) -> int:
        """Return the length of a word's beginning that is said again: inter|interrupted."""
        word = _LAST_WORD.search(self._said[-_LONGEST_WORD:])
        if word is None or len(word[0]) < 3 or not text.startswith(word[0]):
            return 0
        return len(word[0]) if text[len(word[0]) :][:1].isalnum() else 0

    # --- What is let through ----------------------------------------------------------------------------

    def _pass(self, cut: int, text: str) -> str:
        self._cut.append(self._held[:cut])
        self._mode, self._held = _Mode.PASSING, ""
        return text

    def _after(self, cut: int) -> str:
        """What was said has been said again: go on behind it."""
        self._cut.append(self._held[:cut])
        rest, self._held = self._held[cut:], ""
        return self._join(rest, is_end=False)

    def _join(self, rest: str, *, is_end: bool) -> str:
        """Let through what follows the core, without the white space that stands there already."""
        stands = self._said[len(self._core) :]
        body = rest.lstrip()
        if stands and not body and not is_end:
            self._mode, self._held = _Mode.JOINING, rest
            return ""
        self._mode, self._held = _Mode.PASSING, ""
        if not stands:
            return rest
        space = rest[: len(rest) - len(body)]
        common = _common(stands, space)
        return (space[common:] if common == len(stands) else "") + body

    def _begin_again(self, lead: int, body: str) -> str:
        self._cut.append(self._held[:lead])
        self._mode, self._held, self._at = _Mode.RESTATING, "", self._first
        return self._restate(body)

    def _restate(self, delta: str) -> str:
        same = _common(self._core[self._at : self._at + len(delta)], delta)
        self._cut.append(delta[:same])
        self._at += same
        if self._at == len(self._core):
            return self._join(delta[same:], is_end=False)
        return self._turn_away(delta[same:]) if same < len(delta) else ""

    def _turn_away(self, new: str) -> str:
        """Show what differs from the beginning of its sentence on, in a paragraph of its own."""
        before = self._core[max(self._first, self._at - WINDOW) : self._at]
        begins = [found.end() for found in _SENTENCE_BEGIN.finditer(before)]
        sentence = before[begins[-1] :] if begins else ""
        cut = self.discarded
        self._cut = [cut[: len(cut) - len(sentence)]]
        self._mode = _Mode.PASSING
        return f"\n\n{sentence}{new}"

    # --- The joint of an exact continuation -------------------------------------------------------------

    def _joint(self, text: str, *, is_end: bool) -> str | None:
        """Return the white space that a model swallowed; None while that can't be told."""
        said = self._said
        if said[-1].isspace() or text[0].isspace() or self._is_in_code():
            return ""
        if _SENTENCE_END.search(said[-3:]) or said[-1] == ":":
            if not is_end and len(text) < 7:
                return None
            if _BLOCK_BEGIN.match(text):
                return "\n\n"
        if _SENTENCE_END.search(said[-3:]):
            return " " if text[0].isupper() and text[1:2].islower() else ""
        if said[-1] == "," and len(said) > 1 and said[-2].isalpha():
            return " " if text[0].isalpha() else ""
        return self._between_words(text, is_end=is_end)

    def _between_words(self, text: str, *, is_end: bool) -> str | None:
        """Two words that the text knows by themselves, and not as one, were two words."""
        left, right = _LAST_WORD.search(self._said[-_LONGEST_WORD:]), _FIRST_WORD.match(text[:_LONGEST_WORD])
        if left is None or right is None:
            return ""
        if right.end() == len(text) and not is_end and len(text) < _LONGEST_WORD:
            return None
        known = set(_WORD.findall(self._said[: -len(left[0])][-20 * WINDOW :]))
        are_two = left[0] in known and right[0] in known and left[0] + right[0] not in known
        return " " if are_two else ""

    def _is_in_code(self) -> bool:
        if len(_FENCE.findall(self._said)) % 2:
            return True
        last_line = self._said[self._said.rfind("\n") + 1 :]
        return last_line.count("`") % 2 == 1


def _begins_a_word(text: str, at: int) -> bool:
    return at == 0 or not (text[at - 1].isalnum() and text[at].isalnum() and text[at].isascii())


def _is_repetition(end: str) -> bool:
    """Whether it is enough to say that it was repeated, not said twice."""
    letters = sum(map(str.isalnum, end))
    is_long_enough = letters >= 6 or len("".join(end.split())) >= 9
    # Scripts without spaces have no words to count.
    return (is_long_enough and len(set(_WORD.findall(end))) >= 2) or (letters >= 6 and not end.isascii())


def _common(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(at for at in range(length) if one[at] != other[at])
