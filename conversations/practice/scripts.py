"""What each practice model does, as steps.

A script that raises Refusal, or whose first step is Whole, sends no stream.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator

from conversations.practice import answers, inventing, pictures, samples, titles
from conversations.practice.chats import Chat, Tool
from conversations.practice.refusals import Refusal
from conversations.practice.steps import (
    Call,
    End,
    Ending,
    Fault,
    Finish,
    Pause,
    Restart,
    Say,
    Step,
    Think,
    Whole,
)

Script = Callable[[Chat], Iterator[Step]]

_PIECE = re.compile(r"\s*\S{1,12}|\s+")
_PACE = 0.03
_BEFORE_FIRST = 0.15
_COUNT = re.compile(r"(\d{1,6})\s*tokens?\b", re.I)
_EVERY = re.compile(r"every\s+(\d{1,6}(?:\.\d+)?)\s*ms\b", re.I)
_TOOLS_WANTED = re.compile(r"\btools?\b", re.I)


def spoken(text: str, *, pace: float = _PACE) -> Iterator[Step]:
    """The text in pieces of about a word, at a steady pace."""
    for piece in _PIECE.findall(text):
        yield Pause(pace)
        yield Say(piece)


def thought(text: str, *, pace: float = _PACE) -> Iterator[Step]:
    for piece in _PIECE.findall(text):
        yield Pause(pace)
        yield Think(piece)


def friendly(chat: Chat) -> Iterator[Step]:
    """Answer; call tools first if they are asked for by name or word, or required."""
    yield Pause(_BEFORE_FIRST)
    if tools := _tools_for(chat):
        yield from calling(chat, tools)
        return
    yield from spoken(answers.text_for(chat))
    yield Finish()


def _tools_for(chat: Chat) -> list[Tool]:
    if chat.tool_choice == "none" or chat.results or titles.title_for(chat):
        return []
    if chat.tool_choice.startswith(":"):
        return [tool for tool in chat.tools if tool.name == chat.tool_choice[1:]]
    asked = chat.question.text.lower()
    named = [t for t in chat.tools if t.name.lower() in asked or t.name.lower().replace("_", " ") in asked]
    if named or not (chat.tool_choice == "required" or _TOOLS_WANTED.search(asked)):
        return named
    return list(chat.tools[:1])


def calling(chat: Chat, tools: list[Tool]) -> Iterator[Step]:
    """Call each tool with arguments that fit its schema."""
    round_number = sum(len(message.tool_calls) for message in chat.messages)
    for index, tool in enumerate(tools):
        turn = sum(other.name == tool.name for other in tools[:index])
        arguments = inventing.object_for(tool.parameters, words=chat.question.text[:100], turn=turn)
        yield Pause(_PACE)
        yield Call(index, f"call_practice{round_number + index}", tool.name, arguments)
    yield Finish("tool_calls")


def calling_in_parallel(chat: Chat) -> Iterator[Step]:
    """Two calls at once: of two tools, or of the only one twice; then an answer from the results."""
    if not chat.tools or chat.results or chat.tool_choice == "none" or titles.title_for(chat):
        yield from friendly(chat)
        return
    tools = list(chat.tools[:2]) if len(chat.tools) > 1 else [chat.tools[0]] * 2
    yield Pause(_BEFORE_FIRST)
    yield from spoken("I ask the tools first.")
    yield from calling(chat, tools)


def picture(chat: Chat) -> Iterator[Step]:
    """A picture inside the text, whole in one chunk, as a Gemini image model sends it."""
    if titles.title_for(chat):
        yield from friendly(chat)
        return
    painted = base64.b64encode(pictures.paint(chat.question.text)).decode()
    yield from spoken("Here is a practice picture; its colours follow from your words.\n\n")
    yield Pause(_BEFORE_FIRST)
    yield Say(f"![picture](data:image/png;base64,{painted})")
    yield Finish()


def thinking(chat: Chat) -> Iterator[Step]:
    yield Pause(_BEFORE_FIRST)
    yield from thought(
        "The question is short, so I look at each part of it in turn.\n\n"
        "First I count what I was sent. Then I check the count. It is right, so I can answer."
    )
    yield from friendly(chat)


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
    yield Pause(_BEFORE_FIRST)
    pieces = _PIECE.findall(answers.text_for(chat))
    for piece in pieces[:40]:
        yield Pause(_PACE)
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
        yield Pause(_BEFORE_FIRST)
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


def never(chat: Chat) -> Iterator[Step]:
    yield End(Ending.SILENT)


def faulty(*, bare: bool) -> Fault:
    if bare:
        return Fault("Overloaded", "overloaded_error", "overloaded_error", bare=True)
    return Fault("The server had an error processing your request.", "server_error", None)
