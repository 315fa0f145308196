"""A continuation's new text, stored as a part of its own and rendered as one with what it goes on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conversations.models import Generation, Part, PartKind
from conversations.rendering import markdown
from conversations.services import joining

_BEFORE = (PartKind.THINKING, PartKind.OPAQUE, PartKind.DISCARDED)


@dataclass(frozen=True)
class Continued:
    """What was said before, and the place on the page where it goes on."""

    position: int
    text: str


@dataclass(frozen=True)
class Joined:
    """The HTML of the whole text, for the part that it begins with."""

    head_id: int
    html: str

    def save(self) -> None:
        Part.objects.filter(pk=self.head_id).update(html=self.html, html_version=markdown.VERSION)


def said_before(generation: Generation) -> Continued | None:
    """Return the text that the generation goes on with; None for one that begins anew."""
    run = joining.open_run(generation.message, generation)
    return Continued(run.head.position, run.text) if run else None


def join(generation: Generation, rows: Sequence[Part]) -> Joined | None:
    """Render what `rows`, not stored yet, go on with as one text; None where they go on with nothing.

    The row of the new text loses its own HTML: its head has it.
    """
    run = joining.open_run(generation.message, generation)
    first = next((row for row in rows if row.kind not in _BEFORE), None)
    if run is None or first is None or first.kind != PartKind.TEXT:
        return None
    first.html = ""
    return Joined(run.head.pk, markdown.render(run.text + first.text))
