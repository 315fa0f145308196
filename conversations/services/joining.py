"""One text out of the pieces that a cut answer and its continuations are stored in.

A text of a later generation goes on where an earlier one of the same message was cut; what stands between the
two is at most thinking, what a provider wants back, and what was set aside. Nobody is shown the seam but
reviewers: pages, copies and requests take the pieces as one. The first piece, its head, has the HTML of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from conversations.models import Generation, Message, Part, PartKind

_BETWEEN = (PartKind.THINKING, PartKind.OPAQUE, PartKind.DISCARDED)


@dataclass
class Run:
    """Pieces of one text, in order; or any other part, alone."""

    parts: list[Part] = field(default_factory=list)

    @property
    def head(self) -> Part:
        return self.parts[0]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


def runs(parts: Sequence[Part]) -> list[Run]:
    """Return the parts, in the order of their heads, texts that go on in each other together."""
    found: list[Run] = []
    text: Run | None = None
    for part in parts:
        if text and part.kind == PartKind.TEXT and is_later(part, text.parts[-1]):
            text.parts.append(part)
            continue
        run = Run([part])
        found.append(run)
        if part.kind == PartKind.TEXT:
            text = run
        elif part.kind not in _BETWEEN:
            text = None
    return found


def is_later(part: Part, earlier: Part) -> bool:
    """Whether another generation of the same answer said it."""
    # Of older rows the first generation is not known; a later one always is.
    return part.generation_id is not None and part.generation_id != earlier.generation_id


def open_run(message: Message, generation: Generation) -> Run | None:
    """Return the text that `generation` goes on with, or None where it has none to go on with.

    That is so for a first generation, behind a tool call, and once it has said something itself.
    """
    if generation.attempt == 1:
        return None
    parts = list(message.parts.order_by("position").defer("html"))
    said = [run for run in runs(parts) if run.head.kind not in _BETWEEN]
    last = said[-1] if said else None
    if last is None or last.head.kind != PartKind.TEXT or last.parts[-1].generation_id == generation.pk:
        return None
    return last
