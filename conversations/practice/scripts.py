"""What each practice model does, as steps.

A script that raises Refusal, or whose first step is Whole, sends no stream.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator

from conversations.practice import answers, pictures, reasoning, samples, titles
from conversations.practice.calling import friendly, thinking
from conversations.practice.chats import Chat
from conversations.practice.refusals import Refusal
from conversations.practice.speaking import BEFORE_FIRST, PACE, PIECE, Script, spoken
from conversations.practice.steps import End, Ending, Fault, Finish, Pause, Restart, Say, Step, Whole

_COUNT = re.compile(r"(\d{1,6})\s*tokens?\b", re.I)
_EVERY = re.compile(r"every\s+(\d{1,6}(?:\.\d+)?)\s*ms\b", re.I)


def picture(chat: Chat) -> Iterator[Step]:
    """A picture inside the text, whole in one chunk, as a Gemini image model sends it."""
    if titles.title_for(chat):
        yield from friendly(chat)
        return
    painted = base64.b64encode(pictures.paint(chat.question.text)).decode()
    yield from spoken("Here is a practice picture; its colours follow from your words.\n\n")
    yield Pause(BEFORE_FIRST)
    yield Say(f"![picture](data:image/png;base64,{painted})")
    yield Finish()


def thinking_in_tags(chat: Chat) -> Iterator[Step]:
    yield from spoken("<think>\nThe question is short. I look at it twice, and then I answer.\n</think>\n\n")
    yield from friendly(chat)


def slow_start(chat: Chat) -> Iterator[Step]:
    yield Pause(5)
    yield from friendly(chat)


def steady(chat: Chat) -> Iterator[Step]:
    """`t1 t2 t3 …` at the pace that the question asks for; with "stamp" each carries its time of sending."""
    if title := titles.title_for(chat):
        yield from spoken(title)
        yield Finish()
        return
    asked = chat.question.text
    count, every = _COUNT.search(asked), _EVERY.search(asked)
    pause = Pause(float(every[1]) / 1000 if every else 0.02)
    stamped = "stamp" in asked.lower()
    for number in range(1, (int(count[1]) if count else 200) + 1):
        yield pause
        yield Say(f"t{number}@{time.time_ns() // 1000} " if stamped else f"t{number} ")
    yield Finish()


def very_long(chat: Chat) -> Iterator[Step]:
    if titles.title_for(chat):
        yield from friendly(chat)
        return
    for number in range(1, 61):
        part = f"## Part {number}\n\n{samples.PARAGRAPH}\n\n"
        yield from spoken(part + (samples.CODE + "\n" if number % 10 == 0 else ""), pace=0.001)
    yield Finish()


def hostile(chat: Chat) -> Iterator[Step]:
    if titles.title_for(chat):
        yield from spoken('<script>window.hostile = true</script> "Title" <b>of</b> a model')
    else:
        yield from spoken(samples.HOSTILE, pace=0.005)
    yield Finish()


def too_long(chat: Chat) -> Iterator[Step]:
    """Stop at the length limit after 40 pieces. "Continue" brings the next 40."""
    yield Pause(BEFORE_FIRST)
    pieces = PIECE.findall(answers.text_for(chat))
    for piece in pieces[:40]:
        yield Pause(PACE)
        yield Say(piece)
    yield Finish("length" if len(pieces) > 40 else "stop")


def restarting(chat: Chat) -> Iterator[Step]:
    yield from spoken("This half of an answer is to be discarded, because the gateway now starts")
    yield Restart()
    yield from spoken("The answer started over inside the same stream. Only this text counts.")
    yield Finish()


def in_many_scripts(chat: Chat) -> Iterator[Step]:
    yield from spoken("Naïve café, 你好世界, שלום, Привет, 👩‍🚀🇫🇷 and 𝒎𝒂𝒕𝒉: ")
    yield from friendly(chat)


def breaking(said: str, *last: Step) -> Script:
    """Say a little, then do what goes wrong."""

    def script(chat: Chat) -> Iterator[Step]:
        yield from spoken(f"This answer begins well. You can read two sentences of it, {said}")
        yield Pause(BEFORE_FIRST)
        yield from last

    return script


def refusing(
    status: int, message: str, *, kind: str = "new_api_error", code: str | None = "", param: str | None = ""
) -> Script:
    def script(chat: Chat) -> Iterator[Step]:
        raise Refusal(status, message, kind=kind, code=code, param=param, relayed=True)
        yield  # makes this a generator

    return script


def replying(status: int, content_type: str, body: str) -> Script:
    def script(chat: Chat) -> Iterator[Step]:
        yield Whole(status, content_type, body.encode())

    return script


def refusing_twice(chat: Chat) -> Iterator[Step]:
    if chat.tries <= 2:
        raise Refusal(503, "system cpu overloaded", code="system_cpu_overloaded", relayed=True)
    yield from friendly(chat)


def forgetting(chat: Chat) -> Iterator[Step]:
    """Another upstream's key answers now: it takes none of the reasoning back (responses.md §7.3)."""
    if chat.reasoning_items:
        raise reasoning.refused("gAAAAApractice")
    yield from thinking(chat)


def never(chat: Chat) -> Iterator[Step]:
    yield End(Ending.SILENT)


def faulty(*, bare: bool = False, failed: bool = False) -> Fault:
    if bare:
        return Fault("Overloaded", "overloaded_error", "overloaded_error", bare=True)
    return Fault("The server had an error processing your request.", "server_error", None, failed=failed)
