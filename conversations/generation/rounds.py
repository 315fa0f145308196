"""Tool rounds: what a model asked for is stored before it is done, and every result is a row.

Between two requests nothing lives in memory alone: the next request is built from the rows. A killed engine,
an approval that takes a day and the ordinary next round all go on from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from conversations.chainhub.errors import Cancelled
from conversations.generation import continuing
from conversations.generation.drafting import Draft, DraftPart
from conversations.generation.finishing import SaidPart, rows_of
from conversations.models import (
    Generation,
    GenerationEvent,
    GenerationState,
    Part,
    ToolApproval,
    ToolCall,
    ToolCallState,
)
from conversations.tools import offering, registry, running

# A model that has not come to an answer after so much will not.
MOST_ROUNDS = 12
MOST_CALLS = 60

_UNDONE = (ToolCallState.QUEUED, ToolCallState.RUNNING, ToolCallState.WAITING)


class LeaseLost(Exception):
    """Another engine has this generation now."""


def said(parts: list[DraftPart], wire: str) -> list[SaidPart]:
    """Return the parts of a draft as they are stored."""
    return [
        SaidPart(p.kind, p.text, p.started_at, p.ended_at, opaque=p.opaque, wire=wire if p.opaque else "")
        for p in parts
    ]


def settle(generation: Generation, draft: Draft, *, wire: str, also: Callable[[], object]) -> None:
    """Store the round that a model has just ended: parts, tool calls, HTTP call. Raises LeaseLost."""
    parts = draft.parts
    rows = rows_of(generation, said(parts, wire))
    first = Part.objects.filter(message=generation.message).count()
    # Counted over the message: where an answer was continued, its rounds go on, too.
    earlier = ToolCall.objects.filter(generation__message=generation.message_id)
    number = earlier.values("generation", "round").distinct().count()
    joined = continuing.join(generation, rows)
    allowed = {tool.name: tool for tool in _tools(generation)}
    with transaction.atomic():
        mine = Generation.objects.filter(
            pk=generation.pk, state=GenerationState.RUNNING, lease_owner=generation.lease_owner
        )
        if not mine.update(settled_seq=draft.seq):
            raise LeaseLost
        for place, row in enumerate(rows):
            row.position, row.round = first + place, number
        Part.objects.bulk_create(rows)
        if joined:
            joined.save()
        calls = [(part.call, row) for part, row in zip(parts, rows, strict=True) if part.call]
        for position, (call, row) in enumerate(calls):
            tool = allowed.get(call.name)
            ToolCall.objects.create(
                generation=generation,
                part=row,
                round=number,
                position=position,
                call_id=call.call_id[:200],
                name=call.name[:200] or "?",
                arguments_text="".join(call.arguments),
                is_repeatable=bool(tool and tool.is_repeatable),
                definition_hash=registry.definition_hash(tool) if tool else "",
            )
        GenerationEvent.objects.filter(generation=generation).delete()
        also()
    generation.settled_seq = draft.seq


def is_over_the_limits(generation: Generation) -> bool:
    calls = generation.tool_calls
    return calls.count() > MOST_CALLS or calls.values("round").distinct().count() >= MOST_ROUNDS


def run_what_waits(
    generation: Generation,
    *,
    stopped: threading.Event,
    secrets: tuple[str, ...],
    on_change: Callable[[], None],
) -> bool:
    """Run the calls that are queued, side by side; return False where a person has to allow one first.

    Raises Cancelled where somebody stopped it in the middle.
    """
    queued = list(generation.tool_calls.filter(state=ToolCallState.QUEUED).order_by("round", "position"))
    ready = [call for call in queued if not _is_held_back(generation, call)]
    if ready:
        _run(generation, ready, stopped=stopped, secrets=secrets, on_change=on_change)
    if stopped.is_set():
        stop_undone(generation)
        raise Cancelled("stopped")
    return not generation.tool_calls.filter(state=ToolCallState.WAITING).exists()


def stop_undone(generation: Generation) -> None:
    """Close what was asked for and will not be done."""
    undone = generation.tool_calls.filter(state__in=_UNDONE)
    undone.update(state=ToolCallState.STOPPED, error="The turn was stopped.", ended_at=timezone.now())


def _run(
    generation: Generation,
    calls: list[ToolCall],
    *,
    stopped: threading.Event,
    secrets: tuple[str, ...],
    on_change: Callable[[], None],
) -> None:
    def note(key: Any, state: ToolCallState, outcome: running.Outcome | None) -> None:
        _note(key, state, outcome)
        on_change()

    conversation = _conversation(generation)
    running.run_side_by_side(
        [running.Wanted(call.pk, call.name, call.arguments_text) for call in calls],
        # Looked up anew: a tool that was switched off meanwhile is not run.
        tools=_tools(generation),
        person=generation.asked_by,
        conversation=conversation,
        now=timezone.now(),
        on_change=note,
        stopped=stopped,
        secrets=secrets,
    )


def _note(pk: int, state: ToolCallState, outcome: running.Outcome | None) -> None:
    row = ToolCall.objects.filter(pk=pk, state__in=(ToolCallState.QUEUED, ToolCallState.RUNNING))
    now = timezone.now()
    if outcome is None:
        row.update(state=state, started_at=now)
        return
    row.update(
        state=state,
        result=outcome.result,
        error=outcome.error,
        arguments=outcome.arguments,
        ended_at=now,
    )


def _is_held_back(generation: Generation, call: ToolCall) -> bool:
    """Put a call that a person has to allow into the waiting state; say whether it is held back."""
    if call.decided_at is not None or not _needs_approval(generation, call):
        return False
    ToolCall.objects.filter(pk=call.pk).update(state=ToolCallState.WAITING)
    return True


def _needs_approval(generation: Generation, call: ToolCall) -> bool:
    tool = registry.get(call.name)
    if tool is None:
        return False
    # What has read private text may not carry it away by itself.
    is_tainted = tool.sends_out and _has_read_private_text(generation)
    if not (tool.needs_approval or is_tainted):
        return False
    standing = ToolApproval.objects.filter(
        conversation_id=generation.message.conversation_id,
        person=generation.asked_by,
        name=call.name,
        definition_hash=registry.definition_hash(tool),
    )
    # A standing approval is for the tool, not for what a tainted turn may carry out with it.
    return is_tainted or not standing.exists()


def _has_read_private_text(generation: Generation) -> bool:
    names = [tool.name for tool in registry.all() if tool.reads_private]
    done = ToolCall.objects.filter(
        generation__message__conversation=generation.message.conversation_id, name__in=names
    )
    return done.filter(state=ToolCallState.SUCCEEDED).exists()


def _tools(generation: Generation) -> list[registry.Tool]:
    return offering.chosen_for(_conversation(generation), generation.asked_by, answer=generation.parameters)


def _conversation(generation: Generation) -> Any:
    return generation.message.conversation
