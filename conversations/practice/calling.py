"""The scripts that call tools, well and badly. Where no tool may be called they just answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from conversations.practice import answers, errands, titles
from conversations.practice.chats import Chat, Tool
from conversations.practice.errands import Errand
from conversations.practice.speaking import BEFORE_FIRST, PACE, spoken, thought
from conversations.practice.steps import Call, Finish, More, Pause, Step

_TOOLS_WANTED = re.compile(r"\btools?\b", re.I)
_ROUNDS = re.compile(r"\b(\d{1,3})\s+rounds?\b", re.I)
_SLOW_PIECE = 0.4


def friendly(chat: Chat) -> Iterator[Step]:
    """Answer; call tools first if the question asks for what they do, names them, or they are required."""
    yield Pause(BEFORE_FIRST)
    if calls := _calls_for(chat):
        yield from calling(chat, calls)
        return
    yield from spoken(answers.text_for(chat))
    yield Finish()


def _calls_for(chat: Chat) -> list[Errand]:
    if not _may_call(chat) or chat.results:
        return []
    if chat.tool_choice.startswith(":"):
        return _invented(chat, [tool for tool in chat.tools if tool.name == chat.tool_choice[1:]])
    if wanted := errands.wanted(chat):
        return wanted
    asked = chat.question.text.lower()
    named = [t for t in chat.tools if t.name.lower() in asked or t.name.lower().replace("_", " ") in asked]
    if named or not (chat.tool_choice == "required" or _TOOLS_WANTED.search(asked)):
        return _invented(chat, named)
    return _invented(chat, list(chat.tools[:1]))


def _may_call(chat: Chat) -> bool:
    return bool(chat.tools) and chat.tool_choice != "none" and not titles.title_for(chat)


def _invented(chat: Chat, tools: list[Tool], *, turn: int = 0) -> list[Errand]:
    """Parallel calls of one tool get different arguments, so that their results can be told apart."""
    return [
        errands.invented(tool, chat, turn=turn + sum(other.name == tool.name for other in tools[:index]))
        for index, tool in enumerate(tools)
    ]


def calling(chat: Chat, calls: list[Errand], *, shared_index: bool = False) -> Iterator[Step]:
    for index, call in enumerate(calls):
        yield Pause(PACE)
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        yield Call(0 if shared_index else index, _new_id(chat, index), call.tool.name, arguments)
    yield Finish("tool_calls")


def _new_id(chat: Chat, index: int) -> str:
    """Not unique over conversations: nobody promises that it is."""
    return f"call_practice{sum(len(message.tool_calls) for message in chat.messages) + index}"


def calling_in_parallel(chat: Chat) -> Iterator[Step]:
    """All calls that the question asks for at once, else two of anything; then answer from the results."""
    if not _may_call(chat) or chat.results:
        yield from friendly(chat)
        return
    yield Pause(BEFORE_FIRST)
    yield from spoken("I ask the tools first.")
    yield from calling(chat, errands.wanted(chat) or _invented(chat, _two(chat)))


def _two(chat: Chat) -> list[Tool]:
    return list(chat.tools[:2]) if len(chat.tools) > 1 else [chat.tools[0]] * 2


def thinking(chat: Chat) -> Iterator[Step]:
    yield Pause(BEFORE_FIRST)
    yield from thought(
        "The question is short, so I look at each part of it in turn.\n\n"
        "First I count what I was sent. Then I check the count. It is right, so I can answer."
    )
    yield from friendly(chat)


def in_rounds(chat: Chat) -> Iterator[Step]:
    """Two calls in each round, for as many rounds as the question asks for (three), then an answer."""
    asked = _ROUNDS.search(chat.question.text)
    rounds, made = int(asked[1]) if asked else 3, len(chat.calls) // 2
    if not _may_call(chat) or made >= rounds:
        yield from _answer_after(chat, f"That were {made} rounds of two calls.\n\n" if made else "")
        return
    yield Pause(BEFORE_FIRST)
    yield from spoken(f"Round {made + 1} of {rounds}.\n\n")
    offered = chat.tools
    pair = [offered[(2 * made) % len(offered)], offered[(2 * made + 1) % len(offered)]]
    yield from calling(chat, _invented(chat, pair, turn=made))


def in_a_loop(chat: Chat) -> Iterator[Step]:
    """Never an answer, as long as there are tools."""
    if not _may_call(chat):
        yield from friendly(chat)
        return
    yield Pause(BEFORE_FIRST)
    yield from calling(chat, _invented(chat, list(chat.tools[:1]), turn=len(chat.calls)))


def with_bad_arguments(chat: Chat) -> Iterator[Step]:
    """Half an object first; after the complaint about it, all of it."""

    def spoilt(arguments: str) -> str:
        return (arguments[:-1].rstrip("}") or '{"') + ","

    yield from _spoiling(chat, spoilt, corrects=True)


def with_empty_arguments(chat: Chat) -> Iterator[Step]:
    """Nothing at all for arguments, as some upstreams send it for a tool without parameters."""
    yield from _spoiling(chat, lambda arguments: "", corrects=False)


def _spoiling(chat: Chat, spoil: Callable[[str], str], *, corrects: bool) -> Iterator[Step]:
    made = len(chat.calls)
    if not _may_call(chat) or made > int(corrects):
        yield from _answer_after(chat)
        return
    yield Pause(BEFORE_FIRST)
    call = (errands.wanted(chat) or _invented(chat, list(chat.tools[:1])))[0]
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    yield Call(0, _new_id(chat, 0), call.tool.name, arguments if made else spoil(arguments))
    yield Finish("tool_calls")


def with_a_shared_index(chat: Chat) -> Iterator[Step]:
    """Two calls under one index, as Claude's come without text before them (chat-completions.md §5)."""
    if not _may_call(chat) or chat.results:
        yield from friendly(chat)
        return
    yield Pause(BEFORE_FIRST)
    yield from calling(chat, errands.wanted(chat) or _invented(chat, _two(chat)), shared_index=True)


def with_slow_arguments(chat: Chat) -> Iterator[Step]:
    """The arguments come a few characters at a time, over seconds."""
    if not _may_call(chat) or chat.results:
        yield from friendly(chat)
        return
    yield Pause(BEFORE_FIRST)
    for index, call in enumerate(errands.wanted(chat) or _invented(chat, _two(chat))):
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        yield Call(index, _new_id(chat, index), call.tool.name, "")
        for at in range(0, len(arguments), 6):
            yield Pause(_SLOW_PIECE)
            yield More(arguments[at : at + 6])
    yield Finish("tool_calls")


def _answer_after(chat: Chat, before: str = "") -> Iterator[Step]:
    """Answer, and call nothing more."""
    yield Pause(BEFORE_FIRST)
    yield from spoken(before + answers.text_for(chat))
    yield Finish()
