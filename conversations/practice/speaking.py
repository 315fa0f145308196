"""Text in pieces, at a pace: what most scripts are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from conversations.practice.chats import Chat
from conversations.practice.steps import Pause, Say, Step, Think

Script = Callable[[Chat], Iterator[Step]]

PIECE = re.compile(r"\s*\S{1,12}|\s+")
PACE = 0.03
BEFORE_FIRST = 0.15


def spoken(text: str, *, pace: float = PACE) -> Iterator[Step]:
    """The text in pieces of about a word, at a steady pace."""
    for piece in PIECE.findall(text):
        yield Pause(pace)
        yield Say(piece)


def thought(text: str, *, pace: float = PACE) -> Iterator[Step]:
    for piece in PIECE.findall(text):
        yield Pause(pace)
        yield Think(piece)
