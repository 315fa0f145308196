"""What one open page is told, as Server-Sent Events, and where it goes on after a gap.

Events (data is one line of JSON; the id is the cursor):
    step     {"message", "seq", "state"?, "note"?, "parts"?}   a running answer grew; seq counts its steps
    message  {"message", "state", "html"}               an answer has ended, or began again: the whole of it
    tree     {"revision"}                               the shown branch or the settings changed
    title    {"conversation", "title"}
    list     {"version", "rows", "order"?, "more"?}     the sidebar: rows that changed; the order where it has
    end      {"reason": "signed-out" | "restart" | "gone"}
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from conversations.generation.relay import Item, ListChanged, Look, Viewer, hub
from conversations.generation.sidebar import Sidebar
from conversations.generation.writer import CommittedStep
from conversations.models import Conversation, Generation, GenerationEvent, GenerationState
from conversations.services import connections, marks, steps

PING = b": ping\n\n"
_MOST_DIGITS = 18
# Ten tabs and many answers: what changes at once is told at once, a few times a second at most.
_LIST_PAUSE = 0.3


@dataclass
class Cursor:
    """How far a page is: the revision of the tree, and the last step of each answer that was unfinished.

    As text: r12-5.33-6.0
    """

    revision: int = 0
    seen: dict[int, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor that a page sent. What is no cursor counts as none: everything is shown again."""
        head, *pairs = text.split("-")[:50]
        try:
            seen = {_number(pk): _number(seq) for pk, _, seq in (pair.partition(".") for pair in pairs)}
            return cls(_number(head.removeprefix("r") or "0"), seen)
        except ValueError:
            return cls()

    def __str__(self) -> str:
        return "-".join([f"r{self.revision}", *(f"{pk}.{seq}" for pk, seq in sorted(self.seen.items()))])


def _number(text: str) -> int:
    """Read a number of a cursor; raise ValueError for what no database holds."""
    if len(text) > _MOST_DIGITS:
        raise ValueError("too long")
    return int(text)


@dataclass(frozen=True)
class Rendered:
    """An answer as a page shows it; `seq` is the last step that is in it, where it is unfinished."""

    message: str
    state: str
    html: str
    seq: int


class View:
    """One stream of one page. `render` makes the article of a message (None: it is gone).

    Without a conversation the page is told of the person's list alone; without a `sidebar`, not of that.
    """

    def __init__(
        self,
        conversation: Conversation | None,
        *,
        cursor: str,
        render: Callable[[int], Rendered | None],
        may_go_on: Callable[[], bool],
        ping_every: float,
        sidebar: Sidebar | None = None,
    ) -> None:
        self._conversation_id = conversation.pk if conversation else None
        self._public_id = str(conversation.public_id) if conversation else ""
        self._sidebar = sidebar
        self._list_due_at: float | None = time.monotonic() if sidebar else None
        self._cursor = Cursor.parse(cursor)
        self._render = render
        self._may_go_on = may_go_on
        self._ping_every = ping_every
        self._title = conversation.title if conversation else ""
        # Public ids of the answers that the page sees growing, and their rows, by generation.
        self._messages: dict[int, tuple[str, int]] = {}
        self._waiting: set[int] = set()

    def events(self) -> Iterator[bytes]:
        """Yield until the page goes, the sign-in ends, the conversation is gone or the process ends."""
        viewer = Viewer(self._conversation_id, self._sidebar.person.pk if self._sidebar else None)
        # First the queue, then the log: what is committed in between comes twice, and is told by its seq.
        hub.join(viewer)
        try:
            checked = time.monotonic()
            yield b"retry: 1000\n\n"
            yield from self._follow(viewer, checked)
        finally:
            hub.leave(viewer)
            connections.let_go()

    def _follow(self, viewer: Viewer, checked: float) -> Iterator[bytes]:
        items: list[Item] = [Look()]
        while True:
            for item in items:
                if isinstance(item, CommittedStep) and self._is_next(item):
                    yield from self._step(item)
                elif isinstance(item, ListChanged):
                    self._list_due_at = self._list_due_at or time.monotonic() + _LIST_PAUSE
                elif isinstance(item, Look) or self._is_ahead(item):
                    if (told := self._look()) is None:
                        yield self._event("end", {"reason": "gone"})
                        return
                    if told:
                        yield b"".join(told)
            yield from self._list()
            connections.let_go()
            due_at = min(checked + self._ping_every, self._list_due_at or math.inf)
            items = viewer.take(timeout=max(0.0, due_at - time.monotonic()))
            if viewer.is_closed:
                yield self._event("end", {"reason": "restart"})
                return
            if time.monotonic() - checked >= self._ping_every:
                checked = time.monotonic()
                if not self._may_go_on():
                    yield self._event("end", {"reason": "signed-out"})
                    return
                # WSGI learns of a closed tab only by writing.
                yield PING

    def _list(self) -> Iterator[bytes]:
        if self._sidebar is None or self._list_due_at is None or time.monotonic() < self._list_due_at:
            return
        self._list_due_at = None
        if (news := self._sidebar.look()) is not None:
            yield self._event("list", news)

    # --- Steps -------------------------------------------------------------------------------------

    def _is_next(self, step: CommittedStep) -> bool:
        return (
            step.generation_id in self._messages
            and step.seq == self._cursor.seen.get(step.generation_id, 0) + 1
        )

    def _is_ahead(self, step: CommittedStep) -> bool:
        known = self._cursor.seen.get(step.generation_id)
        return known is None or step.seq > known + 1

    def _step(self, step: CommittedStep) -> Iterator[bytes]:
        message, pk = self._messages[step.generation_id]
        self._cursor.seen[step.generation_id] = step.seq
        if step.data.get("restarted") or step.data.get("redraw"):
            # What stands on the page gets another face: draw the whole answer anew.
            yield from self._whole(pk, step.generation_id)
        else:
            yield self._event("step", {"message": message, "seq": step.seq, **steps.for_browser(step.data)})

    # --- Looks -------------------------------------------------------------------------------------

    def _look(self) -> list[bytes] | None:
        """Bring the page up to date from the rows; None where the conversation is gone."""
        if self._conversation_id is None:
            return []
        conversation = Conversation.objects.filter(pk=self._conversation_id, deleted_at=None).first()
        if conversation is None:
            return None
        told: list[bytes] = []
        rows = Generation.objects.unfinished().filter(message__conversation=conversation)
        unfinished, waiting = {}, set()
        for pk, state, public_id, message in rows.values_list(
            "pk", "state", "message__public_id", "message_id"
        ):
            unfinished[pk] = (str(public_id), message)
            if state == GenerationState.WAITING:
                waiting.add(pk)
        ended = [pk for pk in self._cursor.seen if pk not in unfinished]
        for pk in ended:
            del self._cursor.seen[pk]
        if conversation.revision != self._cursor.revision:
            self._cursor.revision = conversation.revision
            told.append(self._event("tree", {"revision": conversation.revision}))
        for pk in unfinished:
            self._cursor.seen.setdefault(pk, 0)
        self._messages = unfinished
        # The cursor came from the page: whatever it names is looked up inside this conversation.
        mine = Generation.objects.filter(pk__in=ended, message__conversation=conversation)
        for message in mine.values_list("message_id", flat=True):
            told += self._whole(message)
        # What waits for a person has no steps: a decision, or the wish for one, is seen in its rows alone.
        for pk in (waiting | self._waiting) & unfinished.keys():
            told += self._whole(unfinished[pk][1], pk)
        self._waiting = waiting
        if conversation.title != self._title:
            self._title = conversation.title
            told.append(self._event("title", {"conversation": self._public_id, "title": self._title}))
        if self._sidebar:
            # Only a page that is seen has a stream.
            marks.saw(conversation, person=self._sidebar.person)
        return told + self._missed_steps()

    def _missed_steps(self) -> list[bytes]:
        if not self._messages or self._conversation_id is None:
            return []
        lowest = min(self._cursor.seen[pk] for pk in self._messages)
        rows = GenerationEvent.objects.filter(generation__in=self._messages, seq__gt=lowest)
        told: list[bytes] = []
        for pk, seq, data in rows.order_by("generation", "seq").values_list("generation_id", "seq", "data"):
            if seq > self._cursor.seen[pk]:
                told += self._step(CommittedStep(self._conversation_id, pk, seq, data))
        return told

    def _whole(self, message_pk: int, generation_id: int | None = None) -> Iterator[bytes]:
        rendered = self._render(message_pk)
        if rendered is not None:
            if generation_id is not None:
                # Later steps may be in it already.
                self._cursor.seen[generation_id] = max(rendered.seq, self._cursor.seen[generation_id])
            yield self._event(
                "message", {"message": rendered.message, "state": rendered.state, "html": rendered.html}
            )

    def _event(self, name: str, data: dict[str, object]) -> bytes:
        # JSON writes every line break and control character as an escape: no text leaves its event.
        line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        line = line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")
        return f"event: {name}\nid: {self._cursor}\ndata: {line}\n\n".encode()
