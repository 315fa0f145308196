"""Models whose answers are cut, and the four ways in which models go on when they are asked to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from conversations.practice import answers, samples
from conversations.practice.chats import Chat
from conversations.practice.speaking import BEFORE_FIRST, Script, spoken
from conversations.practice.steps import End, Ending, Finish, Pause, Step

# (what was said, what is left to say) -> what the model says now
GoingOn = Callable[[str, str], str]

_AFTER = re.compile(r"after\s+(\d{1,6})\s+characters?\b", re.I)
_DROPS = re.compile(r"\bdrop\b", re.I)
_CUT_AFTER = 230
_LAST_WORDS = re.compile(r"\S+(?:\s+\S+){0,5}\s*\Z")
WHOLE = (
    "A practice answer that is cut in the middle, and goes on when it is asked to.\n\n"
    f"{samples.LIST}\nSome code, which a cut must not break in two:\n\n{samples.CODE}\n"
    "And these are the last words of it."
)


def cut_and(how: GoingOn) -> Script:
    """Break off at the length limit, or lose the stream; asked to go on, do it as `how` says."""

    def script(chat: Chat) -> Iterator[Step]:
        yield Pause(BEFORE_FIRST)
        found = answers.cut_in(chat)
        said = found[0].text if found else ""
        if said and WHOLE.startswith(said):
            yield from spoken(how(said, WHOLE[len(said) :]))
            yield Finish()
            return
        asked = chat.question.text
        after = _AFTER.search(asked)
        yield from spoken(WHOLE[: int(after[1]) if after else _CUT_AFTER])
        yield End(Ending.CUT) if _DROPS.search(asked) else Finish("length")

    return script


def going_on(said: str, rest: str) -> str:
    return rest


def repeating(said: str, rest: str) -> str:
    last = _LAST_WORDS.search(said)
    return (last[0] if last else "") + rest


def starting_over(said: str, rest: str) -> str:
    return said + rest


def apologizing(said: str, rest: str) -> str:
    return f"I apologize for the interruption. Continuing from where I left off:\n\n{rest}"
