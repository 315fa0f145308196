"""Prompts: texts to send again, with {{variables}} to fill in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from conversations.models import Prompt, User
from conversations.services import accepting, library

# What a list at the composer shows at once; typing on narrows it down.
CHOICES = 50
VARIABLES = 20
_VARIABLE = re.compile(r"\{\{[ \t]*([^{}\s][^{}\n]{0,59}?)[ \t]*\}\}")


@dataclass(frozen=True)
class Piece:
    """A piece of a prompt's text: words, or the place of a variable (its number, from 1)."""

    text: str
    variable: int = 0


@dataclass(frozen=True)
class Filling:
    """A prompt's text in pieces, and the names of its variables in the order in which they are asked for."""

    pieces: Sequence[Piece]
    variables: Sequence[str]


def filling_of(text: str) -> Filling:
    """Take a prompt's text apart. Beyond VARIABLES different names the rest stays as it is written."""
    pieces: list[Piece] = []
    names: list[str] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        name = found[1]
        if name not in names:
            if len(names) == VARIABLES:
                continue
            names.append(name)
        pieces += [Piece(text[end : found.start()]), Piece(found[0], names.index(name) + 1)]
        end = found.end()
    pieces.append(Piece(text[end:]))
    return Filling([piece for piece in pieces if piece.text], names)


def to_choose_from(person: User, query: str = "") -> tuple[list[Prompt], bool]:
    """Return the first CHOICES prompts that `person` may use, and whether there are more. One query."""
    rows = list(library.matching(Prompt, person, query).defer("text")[: CHOICES + 1])
    return rows[:CHOICES], len(rows) > CHOICES


@transaction.atomic
def copy(prompt: Prompt, *, person: User) -> Prompt:
    """Make a prompt that `person` may see one of their own; nobody else sees the copy. Raises Refused."""
    accepting.in_turn(person)
    own = Prompt(owner=person, name=prompt.name, description=prompt.description, text=prompt.text)
    own.name = library.free_name(own)
    return library.store(own, groups=())
