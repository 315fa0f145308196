"""How calls of tools end, and the sentences that models are told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from conversations.models import ToolCallState
from conversations.tools import arguments, results

BROKE = "The tool broke. This is no fault of the arguments; the same call may work later."
NOT_FOUND = "There is nothing of that name or id that this person may read."
UNUSABLE = "The tool gave a result that can't be written as JSON."
NO_PLACE = "Too many earlier tools are still running. Go on without this one."
STOPPED_EARLY = "The person stopped the answer before the tool began."
STOPPED = "The person stopped the answer before the tool ended. What it had begun may have happened."


@dataclass(frozen=True)
class Outcome:
    """How a call ended: succeeded with a `result` (JSON text), or failed or stopped with an `error`.

    `arguments` are what a JSON column can hold; None where they did not fit.
    """

    state: ToolCallState
    result: str = ""
    error: str = ""
    arguments: dict[str, Any] | None = None
    seconds: float = 0.0

    @property
    def for_model(self) -> str:
        """What the model is told."""
        return self.result if self.state == ToolCallState.SUCCEEDED else self.error


def succeeded(result: str, given: dict[str, Any]) -> Outcome:
    return Outcome(ToolCallState.SUCCEEDED, result=result, arguments=arguments.storable(given))


def failed(sentence: str, given: dict[str, Any] | None, *, secrets: Collection[str] = ()) -> Outcome:
    error = results.error_text(sentence, secrets)
    return Outcome(ToolCallState.FAILED, error=error, arguments=arguments.storable(given))


def left(state: ToolCallState, error: str, given: dict[str, Any], *, seconds: float = 0.0) -> Outcome:
    """A call for which nobody waits any more."""
    return Outcome(state, error=error, arguments=arguments.storable(given), seconds=seconds)


def too_slow(seconds: float) -> str:
    """Tell a model that nobody waits for the tool any more."""
    return f"The tool did not end within {seconds:g} seconds."


def no_such_tool(names: Collection[str]) -> str:
    """Tell a model that it named a tool which this turn may not use."""
    if not names:
        return "There is no tool of that name: no tools are switched on here."
    return f"There is no tool of that name here. There are: {', '.join(names)}."
