"""The steps of a running answer: what the engine writes, page by page reads back, and a restart recovers.

The data of one step, all keys optional:

    {"state": "running",
     "note": "a sentence for the reader, empty to take it away",
     "restarted": true,                    what came before is set aside
     "redraw": true,                       rows changed: show the whole answer anew
     "parts": [{"position": 0, "kind": "text",
                "text": the Markdown that came,
                "reset": true,               what the page shows of this part is drawn anew
                "closed": HTML to append to the closed blocks,
                "open": HTML that replaces the open block,
                "append": plain text to append at the open block's last place for text}]}

The text is the truth; the HTML is how pages that are open show it, rendered once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conversations.models import PartKind
from conversations.rendering.live_page import Change, LivePage


@dataclass
class PartSoFar:
    """One part of a running answer: its text, and its HTML as an open page has it."""

    position: int
    kind: str
    text: list[str] = field(default_factory=list)
    page: LivePage = field(default_factory=LivePage)

    @property
    def full_text(self) -> str:
        return "".join(self.text)


@dataclass
class SoFar:
    """A running answer as its steps tell it."""

    seq: int = 0
    note: str = ""
    parts: dict[int, PartSoFar] = field(default_factory=dict)


def read(rows: Iterable[tuple[int, dict[str, Any]]]) -> SoFar:
    """Put the steps (seq, data), in order, together."""
    so_far = SoFar()
    for seq, data in rows:
        so_far.seq = seq
        so_far.note = data.get("note", so_far.note)
        if data.get("restarted"):
            for part in so_far.parts.values():
                part.kind = PartKind.DISCARDED
        for change in data.get("parts", ()):
            _apply(so_far, change)
    return so_far


def for_browser(data: dict[str, Any]) -> dict[str, Any]:
    """Return the step without the Markdown, which the page does not need."""
    parts = [
        {name: value for name, value in part.items() if name != "text"} for part in data.get("parts", ())
    ]
    return {**data, "parts": parts} if parts else data


def _apply(so_far: SoFar, change: dict[str, Any]) -> None:
    position = change["position"]
    part = so_far.parts.setdefault(position, PartSoFar(position, change["kind"]))
    part.text.append(change.get("text", ""))
    if change.get("reset"):
        part.page = LivePage()
    part.page.apply(
        Change(change.get("closed", ""), open_html=change.get("open"), open_append=change.get("append"))
    )
