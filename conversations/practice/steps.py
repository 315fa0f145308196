"""What a script says to do, one step after another. A script knows nothing of bytes; delivery.py does."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Ending(enum.Enum):
    """How an answer stops that does not finish."""

    DONE = "[DONE], and nothing before it"
    EOF = "the body ends politely, without [DONE]"
    CUT = "the connection is closed in the middle of the body"
    RESET = "the connection is reset"
    SILENT = "nothing more is sent, and the connection stays open"


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Think:
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the next step, counted from when this one was due, so that a pace does not drift."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """`arguments` is what a model writes: JSON text, unless the script wants it broken. More may follow."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class More:
    """A further piece of the last call's arguments."""

    arguments: str


@dataclass(frozen=True, slots=True)
class Restart:
    """Begin again inside the same stream, under a new id."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error inside the stream: as a chunk or event, or bare, without `data:`.

    `failed`: as a response that failed, where the format has that.
    """

    message: str
    kind: str
    code: str | None
    bare: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole HTTP answer in place of a model's. Only as the first step."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class End:
    ending: Ending


Step = Say | Think | Pause | Call | More | Restart | Fault | Finish | Whole | End


@dataclass(frozen=True)
class Manner:
    """How a model's stream differs from the plain one, whatever it says."""

    pings: bool = False
    crlf: bool = False
    byte_by_byte: bool = False
    empty_choices: bool = False
    usage_on_last: bool = False
    usage: bool = True
    # False: the event that ends an answer is missing, although all of the answer came.
    ends: bool = True
    # True: an event stream, False: one JSON object, whatever the request asked for.
    streams: bool | None = None
