"""Reads a whole answer into one comparable thing. No test in here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from conversations.chainhub import events
from conversations.chainhub.errors import ChainHubError

STREAMS = Path(__file__).parent / "streams"


@dataclass
class Outcome:
    """`end` is the finish reason, or the class of the error."""

    text: str = ""
    thinking: str = ""
    refusal: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    # The ids of what is to go back untouched.
    opaque: list[str] = field(default_factory=list)
    tokens: tuple[int | None, ...] | None = None
    restarts: int = 0
    end: object = None
    message: str = ""


def outcome_of(make_events: Callable[[], Iterable[events.Event]]) -> Outcome:
    outcome = Outcome()
    try:
        for event in make_events():
            assert isinstance(outcome.end, type(None)), "something came after Finished"
            _note(outcome, event)
    except ChainHubError as error:
        assert outcome.end is None, "an error came after Finished"
        outcome.end = type(error)
        outcome.message = error.message
    return outcome


def _note(outcome: Outcome, event: events.Event) -> None:
    match event:
        case events.TextDelta(text):
            assert text
            outcome.text += text
        case events.ThinkingDelta(text):
            assert text
            outcome.thinking += text
        case events.RefusalDelta(text):
            outcome.refusal += text
        case events.ToolCallDelta(key, call_id, name, arguments):
            if key == len(outcome.calls):
                outcome.calls.append(("", "", ""))
            old = outcome.calls[key]
            outcome.calls[key] = (old[0] + call_id, old[1] + name, old[2] + arguments)
        case events.Opaque(_, data):
            outcome.opaque.append(str(data["id"]))
        case events.Restarted():
            outcome.text = outcome.thinking = outcome.refusal = ""
            outcome.calls = []
            outcome.opaque = []
            outcome.restarts += 1
        case events.Usage():
            outcome.tokens = (
                event.input_tokens,
                event.cached_tokens,
                event.cache_write_tokens,
                event.output_tokens,
                event.thinking_tokens,
            )
        case events.Finished(reason):
            outcome.end = reason
