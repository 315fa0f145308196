"""What a question asks tools for: which of the offered ones fit, and with which arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from conversations.practice import inventing
from conversations.practice.chats import Chat, Tool


@dataclass(frozen=True)
class Errand:
    """One call that is to be made."""

    tool: Tool
    arguments: dict[str, Any]


_NUMBER = r"(-?\d+(?:\.\d+)?)"
_SIGNS = {"+": "add", "*": "multiply", "×": "multiply", "÷": "divide", "^": "power", "**": "power"}
# What also stands in dates and words counts only with space around it.
_WORDS_FOR = {
    "plus": "add", "-": "subtract", "−": "subtract", "–": "subtract", "minus": "subtract", "x": "multiply",
    "times": "multiply", "multiplied by": "multiply", "/": "divide", "divided by": "divide",
    "to the power of": "power",
}  # fmt: skip


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_SUM = re.compile(
    rf"{_NUMBER}(?:\s*({_any_of(_SIGNS)})\s*|\s+({_any_of(_WORDS_FOR)})\s+){_NUMBER}",
    re.I,
)
_RANDOM = re.compile(
    r"\brandom\b[^.\n]{0,40}\b(?:numbers?|integers?|generator)\b|\broll\b.{0,20}\bdic?e\b", re.I
)
_HOW_MANY = re.compile(
    r"\b(\d{1,3}|two|three|four|five|six|seven|eight|nine|ten)\s+(?:\w+\s+){0,2}random\b", re.I
)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_RANGE = re.compile(r"(?:between|from)\s+(-?\d+)\s+(?:and|to)\s+(-?\d+)", re.I)
_TIME = re.compile(
    r"\b(?:current|system|local|exact|what|which)\s+(?:\w+\s+)?time\b"
    r"|\btime is it\b|\btoday's date\b|\bclock\b",
    re.I,
)
_SYSTEM = re.compile(r"\bsystem\s+info(?:rmation)?\b|\boperating system\b|\bmemory usage\b", re.I)
_SEARCH = re.compile(
    r"\b(?:search|find|look)\b[^.\n]{0,40}\b(?:conversations?|chats?|messages?)\b"
    r"[^.\n]{0,20}?\b(?:for|about|with|that mention)\s+(?:the\s+)?[\"'“]?([^\"'”.\n?]{1,60})",
    re.I,
)


def wanted(chat: Chat) -> list[Errand]:
    """The calls that the question asks for, in the order of the offered tools; none where none fits."""
    asked = chat.question.text
    return [
        Errand(tool, arguments)
        for tool in chat.tools
        for pattern, read in _READERS
        if re.search(pattern, tool.name, re.I)
        for arguments in read(asked, tool)
    ]


def invented(tool: Tool, chat: Chat, *, turn: int) -> Errand:
    """A call of this tool with what fits its schema."""
    for errand in wanted(chat):
        if errand.tool == tool and turn == 0:
            return errand
    return Errand(tool, inventing.object_for(tool.parameters, words=chat.question.text[:100], turn=turn))


def _sums(asked: str, tool: Tool) -> Iterator[dict[str, Any]]:
    for first, sign, word, second in _SUM.findall(asked):
        operation = _SIGNS[sign] if sign else _WORDS_FOR[word.lower()]
        numbers = {"a": _number(first), "b": _number(second)}
        yield _fitting(
            tool, numbers | {"operation": operation, "expression": f"{first} {sign or word} {second}"}
        )


def _random(asked: str, tool: Tool) -> Iterator[dict[str, Any]]:
    if not _RANDOM.search(asked):
        return
    arguments: dict[str, Any] = {}
    if bounds := _RANGE.search(asked):
        arguments |= {"min": int(bounds[1]), "max": int(bounds[2])}
    if many := _HOW_MANY.search(asked):
        word = many[1].lower()
        arguments["count"] = _WORDS.index(word) + 2 if word in _WORDS else int(word)
    yield _fitting(tool, arguments)


def _time(asked: str, tool: Tool) -> Iterator[dict[str, Any]]:
    if _TIME.search(asked):
        yield _fitting(tool, {})


def _system(asked: str, tool: Tool) -> Iterator[dict[str, Any]]:
    if _SYSTEM.search(asked):
        yield _fitting(tool, {})


def _search(asked: str, tool: Tool) -> Iterator[dict[str, Any]]:
    if found := _SEARCH.search(asked):
        words = found[1].strip()
        yield _fitting(tool, {"query": words, "q": words, "text": words, "words": words})


_READERS: tuple[tuple[str, Callable[[str, Tool], Iterator[dict[str, Any]]]], ...] = (
    ("calculat|math", _sums),
    ("random", _random),
    ("time|clock", _time),
    ("system_?info", _system),
    ("search_?(conversations|chats|messages)", _search),
)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _fitting(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """What the schema knows of them, and what it requires besides."""
    properties = tool.parameters.get("properties")
    known = properties if isinstance(properties, dict) else {}
    given = {name: value for name, value in arguments.items() if name in known}
    required = tool.parameters.get("required")
    for name in required if isinstance(required, list) else []:
        if name in known and name not in given:
            given[name] = inventing.value_for(known[name], name=name)
    return given
