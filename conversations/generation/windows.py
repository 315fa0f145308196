"""What of a conversation goes out with a request: looked up without its words, then chosen by `fitting`.

`Generation.context` has of the last request: `tokens` (an estimate) `of` how many (null: not known), how many
messages were `sent`, `left_out`, `summarised`, `pinned`; `wanted` "summary" where the admins want one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conversations.generation import fitting
from conversations.models import Generation, Model, Summary
from conversations.services import estimating, outlines, site_settings

# What stands around a summary in a request.
_AROUND = 40


@dataclass(frozen=True)
class Window:
    """The messages that go out, from the oldest on. A summary stands before the message `behind_summary`."""

    ids: tuple[int, ...]
    told: dict[str, Any]
    summary: str = ""
    behind_summary: int | None = None


@dataclass(frozen=True)
class Look:
    """A branch by its counts, and what there is room for."""

    turns: list[fitting.Turn]
    room: int | None
    size: int | None
    fixed: int
    wants_summaries: bool
    summary_model: str
    summaries: tuple[fitting.Covered, ...] = ()

    def fit(self) -> fitting.Fit:
        """Raises fitting.TooLong."""
        return fitting.fit(self.turns, room=self.room, summaries=self.summaries)


def look(leaf_id: int | None, *, model: Model, output: int | None, fixed: int) -> Look:
    """Look at the branch that ends in a question. Two queries, three where it does not fit.

    `output`: how many tokens the answer may have; `fixed`: those of what goes out in any case.
    """
    chosen = site_settings.values()
    turns = fitting.turns_of(outlines.counted(outlines.of(leaf_id)))
    return over(turns, model=model, output=output, fixed=fixed, chosen=chosen)


def over(
    turns: list[fitting.Turn], *, model: Model | None, output: int | None, fixed: int, chosen: dict[str, Any]
) -> Look:
    """Return the look at turns that were counted; `chosen` are the site's settings."""
    size = (model.context_size if model else None) or chosen[site_settings.CONTEXT_SIZE.name]
    room = fitting.room(size, output=output, fixed=fixed)
    wants = chosen[site_settings.LONG_CONVERSATIONS.name] == site_settings.SUMMARISE
    fits = room is None or sum(turn.tokens for turn in turns) <= room
    return Look(
        turns=turns,
        room=room,
        size=size,
        fixed=fixed,
        wants_summaries=wants,
        summary_model=chosen[site_settings.SUMMARY_MODEL.name],
        summaries=() if fits or not wants else tuple(_summaries(turns)),
    )


def window_of(found: Look) -> Window:
    """Choose what goes out. Raises fitting.TooLong."""
    fit = found.fit()
    ids = [entry.pk for place in fit.sent for entry in found.turns[place].entries]
    told = told_of(found, fit)
    if fit.summary is None:
        return Window(tuple(ids), told)
    behind = next(place for place in fit.sent if place >= fit.summary.turns)
    text = Summary.objects.values_list("text", flat=True).get(pk=fit.summary.pk)
    return Window(tuple(ids), told, text, found.turns[behind].entries[0].pk)


def told_of(found: Look, fit: fitting.Fit) -> dict[str, Any]:
    """Return what `Generation.context` holds."""
    return {
        "tokens": fit.tokens + found.fixed,
        "of": found.size,
        "sent": _messages(found, fit.sent),
        "left_out": _messages(found, fit.left_out),
        "summarised": _messages(found, fit.summarised),
        "pinned": sum(entry.is_pinned for turn in found.turns for entry in turn.entries),
        "wanted": "summary" if found.wants_summaries else "",
    }


def keep(generation: Generation, told: dict[str, Any]) -> None:
    """Write down what goes out with the next request."""
    if generation.context != told:
        generation.context = told
        Generation.objects.filter(pk=generation.pk).update(context=told)


def tokens_of_summary(text: str) -> int:
    return estimating.tokens_in([text]) + _AROUND


def _messages(found: Look, places: Iterable[int]) -> int:
    return sum(len(found.turns[place].entries) for place in places)


def _summaries(turns: list[fitting.Turn]) -> Iterable[fitting.Covered]:
    """Return the summaries of this branch. One query: of another branch none ends in a turn of this one."""
    places = {turn.last_id: number for number, turn in enumerate(turns, start=1)}
    conversation = Summary.objects.filter(up_to__conversation__messages=turns[-1].last_id)
    for pk, up_to, text in conversation.order_by("id").values_list("pk", "up_to", "text"):
        if up_to in places:
            yield fitting.Covered(pk, places[up_to], tokens_of_summary(text))
