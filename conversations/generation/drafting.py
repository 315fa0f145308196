"""An answer while it is being made: what came, and what of it no page has seen yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from conversations.generation.continuing import Continued
from conversations.generation.pictures import PictureLifter
from conversations.generation.seams import Seam
from conversations.models import PartKind
from conversations.rendering.streaming import BlockStream

StorePicture = Callable[[bytes, str], UUID | None]


@dataclass
class CallSoFar:
    """A tool call as its pieces come."""

    call_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass
class DraftPart:
    """One part, as it grows. Only the writer's thread touches `blocks`."""

    position: int
    kind: PartKind
    started_at: datetime
    ended_at: datetime | None = None
    pieces: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    blocks: BlockStream = field(default_factory=BlockStream)
    # Of a tool call, and of what a provider wants back; nobody is shown them while they come.
    call: CallSoFar | None = None
    opaque: dict[str, object] | None = None
    # Of a text that goes on with what was said before: that text, until it has been drawn anew.
    before: str = ""

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Draft:
    """The answer of one generation in memory. One thread adds, the writer's thread takes."""

    def __init__(
        self,
        generation_id: int,
        conversation_id: int,
        store_picture: StorePicture,
        *,
        seq: int = 0,
        settled: int = 0,
        continued: Continued | None = None,
    ) -> None:
        """`seq`: the last step that was taken before. `settled`: how many parts are stored already.

        `continued`: the text that this one goes on with, in its place on the page.
        """
        self.generation_id = generation_id
        self.conversation_id = conversation_id
        self.seq = seq
        self._settled = settled
        self._calls: dict[int, CallSoFar] = {}
        self.is_retired = False
        self.first_text_at: datetime | None = None
        self._store_picture = store_picture
        self._lifter = PictureLifter(store_picture)
        self._lock = threading.Lock()
        self._continued = continued
        self._said_before = continued.text if continued else ""
        self._seam = Seam(continued.text) if continued else None
        self._parts: list[DraftPart] = []
        self._news: dict[str, Any] = {}
        self._is_waiting = False

    @property
    def parts(self) -> list[DraftPart]:
        with self._lock:
            return list(self._parts)

    @property
    def has_text(self) -> bool:
        """Whether anything was said that still counts."""
        is_held = self._seam is not None and self._seam.is_holding
        return is_held or any(part.kind != PartKind.DISCARDED for part in self.parts)

    def add(self, kind: PartKind, text: str) -> bool:
        """Add what came; return whether the writer has to be told, or knows already.

        A picture inside the text becomes an attachment and leaves its place.
        """
        if kind == PartKind.TEXT:
            text = self._lifter.feed(self._seam.feed(text) if self._seam else text)
        elif kind != PartKind.THINKING or not self._is_at_the_seam:
            self._let_go()
        self._extend(kind, text)
        with self._lock:
            was_waiting, self._is_waiting = self._is_waiting, True
        return not was_waiting

    def tell(self, **news: Any) -> None:
        """Give the readers a state or a note with the next step."""
        with self._lock:
            self._news.update(news)

    def add_call(self, key: int, *, call_id: str, name: str, arguments: str) -> None:
        """Add a piece of a tool call; the first one gives it its place among the parts."""
        self._let_go()
        with self._lock:
            # Whatever text comes after a call stands for itself.
            self._keep_discarded()
            self._continued, self._said_before = None, ""
            call = self._calls.get(key)
            if call is None:
                call = self._calls[key] = CallSoFar()
                self._open_part(PartKind.TOOL_CALL).call = call
            call.call_id = call.call_id or call_id
            call.name = call.name or name
            call.arguments.append(arguments)

    def add_opaque(self, data: dict[str, object]) -> None:
        if not self._is_at_the_seam:
            self._let_go()
        with self._lock:
            self._open_part(PartKind.OPAQUE).opaque = data

    @property
    def has_calls(self) -> bool:
        return bool(self._calls)

    def begin_round(self) -> None:
        """What came is stored: go on behind it with nothing."""
        with self._lock:
            self._settled += len(self._parts)
            self._parts, self._calls, self._news = [], {}, {}
            self._seam = self._continued = None
            self._said_before = ""
            self._lifter = PictureLifter(self._store_picture)

    def set_aside(self) -> None:
        """The gateway began again: keep what came before as discarded."""
        self.complete()
        with self._lock:
            self._lifter = PictureLifter(self._store_picture)
            self._calls = {}
            # A call or a provider's item of the text that does not count any more is nothing to keep.
            for part in self._parts:
                part.kind = PartKind.DISCARDED
                part.call = part.opaque = None
            self._seam = Seam(self._said_before) if self._said_before else None
            self._news["restarted"] = True

    def complete(self) -> None:
        """Nothing more comes: let go what was held back, and end the last part's time."""
        self._let_go()
        with self._lock:
            self._keep_discarded()
            if self._parts and not self._parts[-1].ended_at:
                self._parts[-1].ended_at = timezone.now()

    def take(self) -> dict[str, Any] | None:
        """Return the next step (services.steps says its shape), or None where nothing is new."""
        with self._lock:
            self._is_waiting = False
            step, self._news = self._news, {}
            unseen = [(part, "".join(part.unseen)) for part in self._parts if part.unseen]
            for part, _ in unseen:
                part.unseen = []
        # Rendered outside the lock: the thread that reads the gateway's stream need not wait for it.
        if changes := [_change(part, text) for part, text in unseen]:
            step["parts"] = changes
        return step or None

    @property
    def _is_at_the_seam(self) -> bool:
        """Whether thoughts and their items may still come before the text that goes on."""
        return self._seam is not None and not self._seam.is_passed

    def _let_go(self) -> None:
        """What looked like the beginning of a picture or a repetition was none: it belongs before this."""
        if self._seam:
            self._extend(PartKind.TEXT, self._lifter.feed(self._seam.finish()))
        self._extend(PartKind.TEXT, self._lifter.finish())

    def _keep_discarded(self) -> None:
        """Keep, for reviewers, what a continuation said again; no page shows it."""
        if self._seam and self._seam.discarded:
            self._open_part(PartKind.DISCARDED).pieces.append(self._seam.discarded)
        self._seam = None

    def _extend(self, kind: PartKind, text: str) -> None:
        if not text:
            return
        now = timezone.now()
        with self._lock:
            self.first_text_at = self.first_text_at or now
            if not self._parts or self._parts[-1].kind != kind:
                self._open_part(kind)
                if kind == PartKind.TEXT and self._continued:
                    self._go_on_with(self._parts[-1])
            self._parts[-1].pieces.append(text)
            self._parts[-1].unseen.append(text)

    def _go_on_with(self, part: DraftPart) -> None:
        assert self._continued  # noqa: S101 - its one caller has looked
        part.position, part.before = self._continued.position, self._continued.text
        self._continued = None

    def _open_part(self, kind: PartKind) -> DraftPart:
        now = timezone.now()
        if self._parts and not self._parts[-1].ended_at:
            self._parts[-1].ended_at = now
        self._parts.append(DraftPart(self._settled + len(self._parts), kind, started_at=now))
        return self._parts[-1]


def _change(part: DraftPart, text: str) -> dict[str, Any]:
    change: dict[str, Any] = {"position": part.position, "kind": part.kind, "text": text}
    if part.before:
        change["reset"] = True
    shown = part.blocks.feed(part.before + text)
    part.before = ""
    if shown.closed:
        change["closed"] = shown.closed
    if shown.open_html is not None:
        change["open"] = shown.open_html
    if shown.open_append:
        change["append"] = shown.open_append
    return change
