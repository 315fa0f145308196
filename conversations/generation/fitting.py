"""Which turns of a branch go out where not all of them fit. Pure: counts go in, a choice comes out.

Whole turns only: a tool call and its result are parts of one answer, an answer belongs to its question's
turn, and so neither is ever cut. The newest turn and those with a pinned message always go out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conversations.services.errors import Refused
from conversations.services.outlines import Entry

# Where nobody says how long an answer may be.
DEFAULT_OUTPUT = 4096
# Counts are estimates, made as OpenAI's models count; other models are off by some tenths. Per cent.
_MARGIN = 10


class TooLong(Refused):
    """What has to go out does not fit. `kind` is kept with the generation."""

    kind = "too_long"


@dataclass(frozen=True)
class Turn:
    """A question and all that answers it."""

    entries: tuple[Entry, ...]

    @property
    def tokens(self) -> int:
        return sum(entry.tokens or 0 for entry in self.entries)

    @property
    def is_pinned(self) -> bool:
        return any(entry.is_pinned for entry in self.entries)

    @property
    def last_id(self) -> int:
        return self.entries[-1].pk


@dataclass(frozen=True)
class Covered:
    """A summary that stands for the first `turns` turns."""

    pk: int
    turns: int
    tokens: int


@dataclass(frozen=True)
class Fit:
    """What goes out, by the places of the turns; `tokens` without the system prompt and the tools."""

    sent: tuple[int, ...]
    left_out: tuple[int, ...]
    summarised: tuple[int, ...]
    tokens: int
    summary: Covered | None = None


def turns_of(entries: Sequence[Entry]) -> list[Turn]:
    """Return the turns of a branch: each begins with a question that follows an answer, or is the first."""
    begun: list[list[Entry]] = []
    for entry in entries:
        if entry.is_question or not begun:
            begun.append([entry])
        else:
            begun[-1].append(entry)
    return [Turn(tuple(found)) for found in begun]


def room(size: int | None, *, output: int | None, fixed: int) -> int | None:
    """Return how many tokens of a context of `size` are there for the turns; None: there is no limit.

    `output`: how long the answer may be. It never takes more than half of the context. `fixed`: what goes out
    in any case, the system prompt and the tools.
    """
    if size is None:
        return None
    reserved = min(output or DEFAULT_OUTPUT, size // 2)
    return max(0, (size - reserved) * (100 - _MARGIN) // 100 - fixed)


def fit(turns: Sequence[Turn], *, room: int | None, summaries: Sequence[Covered] = ()) -> Fit:
    """Choose what goes out. Raises TooLong where not even what has to go out fits.

    A summary is used only where not everything fits: the one that stands for the fewest turns behind which
    all the others fit, else the one that stands for the most.
    """
    whole = sum(turn.tokens for turn in turns)
    if room is None or whole <= room:
        return Fit(tuple(range(len(turns))), (), (), whole)
    must = {place for place, turn in enumerate(turns) if turn.is_pinned or place == len(turns) - 1}
    needed = sum(turns[place].tokens for place in must)
    if needed > room:
        _refuse(turns[-1].tokens, needed, room)
    usable = [found for found in summaries if needed + found.tokens <= room and found.turns < len(turns)]
    best = Fit((), (), (), 0)
    for summary in (*sorted(usable, key=lambda found: found.turns), None):
        chosen = _behind(turns, must, needed, room, summary)
        if summary and not chosen.left_out:
            return chosen
        if summary or not best.sent:
            best = chosen
    return best


def cut(turns: Sequence[Turn], *, room: int) -> int:
    """Return how many of the oldest turns a new summary has to stand for.

    What stays takes half of the room, so that the next questions need no new summary at once.
    """
    left = room // 2 - sum(turn.tokens for turn in turns if turn.is_pinned) - turns[-1].tokens
    place = len(turns) - 1
    while place > 0:
        left -= 0 if turns[place - 1].is_pinned else turns[place - 1].tokens
        if left < 0:
            break
        place -= 1
    return place


def _behind(turns: Sequence[Turn], must: set[int], needed: int, room: int, summary: Covered | None) -> Fit:
    """Take turns from the newest back, as far as they fit, and no further than where the summary ends."""
    first = summary.turns if summary else 0
    tokens = needed + (summary.tokens if summary else 0)
    start = len(turns) - 1
    for place in range(len(turns) - 2, first - 1, -1):
        more = 0 if place in must else turns[place].tokens
        if tokens + more > room:
            break
        tokens += more
        start = place
    out = [place for place in range(start) if place not in must]
    return Fit(
        sent=tuple(sorted(must | set(range(start, len(turns))))),
        left_out=tuple(place for place in out if place >= first),
        summarised=tuple(place for place in out if place < first),
        tokens=tokens,
        summary=summary,
    )


def _refuse(newest: int, needed: int, room: int) -> None:
    if newest > room:
        raise TooLong(
            f"This question alone is longer than the model takes: about {newest:,} of {room:,} tokens. "
            "Shorten it, or choose a model that takes more. Nothing was sent."
        )
    raise TooLong(
        f"The pinned messages and this question are longer than the model takes: about {needed:,} of "
        f"{room:,} tokens. Unpin some, or choose a model that takes more. Nothing was sent."
    )
