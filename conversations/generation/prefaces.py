"""What models say before they go on with a cut answer, and nobody asked for.

Known ones, by the words that they begin with; a sentence counts where it also speaks of going on:

    I apologize / My apologies / Sorry … (for the interruption, for being cut off)
    Sure / Certainly / Of course / Okay … here is the rest (of the answer)
    Here is the rest / the remainder / the continuation …
    Continuing / Picking up / Resuming (from where I left off) …
    Let me continue / I'll continue / I will go on …

An apology alone ("Sorry about that.") goes with the sentence after it; by itself it may be what the answer
says, so it stays.
"""

from __future__ import annotations

import re

# Characters in which a preface must have ended. Whatever is longer is part of the answer.
LONGEST = 400
_MOST_SENTENCES = 4
_POLITE = (
    r"(?:i['’]?m (?:so |very )?sorry|i am (?:so |very )?sorry|sorry|(?:i )?apologi[sz]e|(?:my )?apologies)"
)
_WILLING = (
    r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|right|no problem|understood|got it|"
    r"thanks?(?: you)?)"
)
_GOING_ON = (
    r"(?:continuing|continued|continuation|to continue|picking (?:it )?up|resuming|"
    r"(?:let me|let['’]s|i['’]ll|i will|i shall) (?:now )?"
    r"(?:continue|go on|carry on|pick|resume|finish|complete)|"
    r"here(?:['’]s| is| are| comes) (?:the (?:rest|remain|continuation|missing)|where))"
)
_BEGINS = re.compile(rf"(?:i )?(?:{_POLITE}|{_WILLING}|{_GOING_ON})\b", re.IGNORECASE)
_SPEAKS_OF_IT = re.compile(
    rf"{_GOING_ON}|\b(?:interrupt\w*|cut (?:me )?off|cut short|left off|broke off|stopped|truncat\w*|"
    r"incomplete)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^\n.:!…]{1,200}(?:[.:!…]+|(?=\n))")
_GAP = re.compile(r"(?:[ \t]*\n){1,2}|[ \t]")
# The first words of the ones above, to know early that none of them is coming.
_FIRST_WORDS = (
    *(
        "i'm s",
        "i’m s",
        "i'm v",
        "i’m v",
        "im s",
        "i am s",
        "i am v",
        "sorry",
        "i apolog",
        "apolog",
        "my apolog",
    ),
    *("sure", "certainly", "of course", "absolutely", "ok", "right", "no problem", "understood", "got it"),
    *("thank", "continu", "to continue", "picking", "resuming", "let me", "let's", "let’s", "i'll", "i’ll"),
    *("i will", "i shall", "here's", "here’s", "here is", "here are", "here comes"),
)


def length_in(text: str, *, is_end: bool) -> int | None:
    """Return how many characters at its beginning are a preface, 0 for none; None while that can't be told.

    The white space that sets it off is counted: one space, one line end, or an empty line.
    """
    end = 0
    at = len(text) - len(text.lstrip()) if len(text) < LONGEST else 0
    for _ in range(_MOST_SENTENCES):
        rest = text[at:LONGEST]
        if not _may_begin(rest):
            return end
        sentence = _SENTENCE.match(rest)
        gap = _GAP.match(rest, sentence.end()) if sentence else None
        # The gap may go on, too: an empty line comes in two pieces.
        is_open = gap is None or (gap.end() == len(rest) and gap[0].count("\n") != 2)
        if is_open and not is_end and len(text) < LONGEST:
            return None
        if sentence is None or gap is None:
            return end
        if _BEGINS.match(sentence[0]) is None:
            return end
        at += gap.end()
        if _SPEAKS_OF_IT.search(sentence[0]):
            end = at
    return end


def _may_begin(text: str) -> bool:
    """Whether a preface begins here, as far as the text goes."""
    start = text[:12].casefold()
    return any(start.startswith(word[: len(start)]) for word in _FIRST_WORDS) if start else True
