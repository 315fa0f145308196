"""The end of a generation: text, state and call become final together, and the steps go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists
from django.utils import timezone

from conversations.chainhub.messages import ChatRequest
from conversations.generation import continuing, explaining, requests
from conversations.models import (
    Call,
    Conversation,
    Generation,
    GenerationEvent,
    GenerationState,
    Message,
    Part,
    PartKind,
    Purpose,
    ToolCallState,
)
from conversations.rendering import markdown
from conversations.services import approving, calls, estimating, marks, outlines, steps, wakeups
from conversations.services.errors import Refused

logger = logging.getLogger(__name__)

_UNRENDERED = (PartKind.DISCARDED, PartKind.TOOL_CALL, PartKind.OPAQUE)


@dataclass(frozen=True)
class SaidPart:
    """One part as it will be stored."""

    kind: str
    text: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    opaque: dict[str, object] | None = None
    wire: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a generation ended."""

    state: GenerationState
    finish_reason: str = ""
    error_kind: str = ""
    error_text: str = ""
    error_detail: str = ""


def finish(
    generation: Generation,
    outcome: Outcome,
    parts: Iterable[SaidPart],
    *,
    first_token_at: datetime | None = None,
    also: Callable[[], object] = lambda: None,
) -> bool:
    """Make all of it final in one transaction, with what `also` writes; False where it had ended already.

    The condition on state and lease fences off a maker whose lease was taken away meanwhile.
    """
    # A call of a round that never came to its end was not made: there is nothing to keep of it.
    rows = [
        row
        for row in rows_of(generation, parts)
        if row.kind != PartKind.TOOL_CALL and (row.text or row.opaque)
    ]
    joined = continuing.join(generation, rows)
    tokens = _tokens(generation, rows)
    now = timezone.now()
    with transaction.atomic():
        mine = Generation.objects.filter(
            pk=generation.pk, state=GenerationState.RUNNING, lease_owner=generation.lease_owner
        )
        # Before the generation's row: whoever locks both locks the conversation first. What a person stopped
        # is no news to them.
        if outcome.state != GenerationState.STOPPED:
            answered = Conversation.objects.filter(Exists(mine), pk=generation.message.conversation_id)
            answered.update(answered_at=now)
        ended = mine.update(
            state=outcome.state,
            finish_reason=outcome.finish_reason[:60],
            error_kind=outcome.error_kind[:40],
            error_text=outcome.error_text[:500],
            error_detail=outcome.error_detail[:4000],
            lease_owner=None,
            lease_until=None,
            first_token_at=first_token_at,
            ended_at=now,
        )
        if ended:
            first = Part.objects.filter(message=generation.message).count()
            for number, row in enumerate(rows):
                row.position = first + number
            Part.objects.bulk_create(rows)
            if joined:
                joined.save()
            Message.objects.filter(pk=generation.message_id).update(tokens=tokens)
            GenerationEvent.objects.filter(generation=generation).delete()
            wakeups.wake_on_commit(wakeups.conversation_topic(generation.message.conversation_id))
            marks.changed(generation.message.conversation.owner_id)
        # Last: it adds to the sums of the day, for whose rows the answers of all engines take turns.
        also()
    return bool(ended)


def _tokens(generation: Generation, rows: list[Part]) -> int:
    """Count the whole answer, with what was stored of it before: its earlier rounds, and what was cut."""
    stored: list[Part] = []
    if generation.settled_seq or generation.attempt > 1:
        before = Part.objects.filter(message=generation.message_id, kind__in=outlines.COUNTED)
        stored = list(before.select_related("tool_call").defer("html"))
    return outlines.tokens_of([*stored, *rows])


def wait_for_a_person(generation: Generation, *, seq: int) -> None:
    """Leave the generation without a lease until somebody has decided; the decision queues it again."""
    with transaction.atomic():
        mine = Generation.objects.filter(
            pk=generation.pk, state=GenerationState.RUNNING, lease_owner=generation.lease_owner
        )
        mine.update(state=GenerationState.WAITING, lease_owner=None, lease_until=None, settled_seq=seq)
        GenerationEvent.objects.filter(generation=generation).delete()
        # A decision that came in the moment between has found no waiting generation to queue.
        if not generation.tool_calls.filter(state=ToolCallState.WAITING).exists():
            approving.go_on(generation)
        wakeups.wake_on_commit(wakeups.conversation_topic(generation.message.conversation_id))
        marks.changed(generation.message.conversation.owner_id)


def recover(generation: Generation) -> bool:
    """Take care of a generation whose maker is gone.

    In the middle of a tool round it goes on: nothing was asked of the gateway that could be billed twice.
    Repeatable tools run again, others count as failed. In the middle of an answer it becomes interrupted,
    with what its steps tell.
    """
    events = GenerationEvent.objects.filter(generation=generation).order_by("seq")
    so_far = steps.read(events.values_list("seq", "data"))
    unended = Call.objects.filter(generation=generation, ended_at=None)
    if not unended.exists() and not so_far.parts and generation.tool_calls.exists():
        return _go_on_with_the_round(generation, seq=max(so_far.seq, generation.settled_seq))
    for call in unended.select_related("key"):
        said = [part.full_text for part in so_far.parts.values()]
        # What went out for a summary is not known any more.
        asked = _asked(generation) if call.purpose == Purpose.ANSWER else None
        calls.end(call, error_kind="engine_gone", estimate=estimating.usage_of(asked, said))
    parts = [SaidPart(part.kind, part.full_text) for _, part in sorted(so_far.parts.items())]
    outcome = Outcome(
        GenerationState.INTERRUPTED,
        error_kind="engine_gone",
        error_text=explaining.interrupted(by_restart=True),
    )
    logger.warning("Generation %s was left behind by its engine: interrupted", generation.pk)
    return finish(generation, outcome, parts)


def _asked(generation: Generation) -> ChatRequest | None:
    """Build the request anew that a gone engine had sent, to count it; None where that can't be."""
    if generation.model is None:
        return None
    try:
        return requests.request_for(generation, model=generation.model)
    except (Refused, OSError):
        return None


def _go_on_with_the_round(generation: Generation, *, seq: int) -> bool:
    running = generation.tool_calls.filter(state=ToolCallState.RUNNING)
    with transaction.atomic():
        running.filter(is_repeatable=True).update(state=ToolCallState.QUEUED, started_at=None)
        running.update(
            state=ToolCallState.FAILED,
            error="The server was stopped while this ran. Whether it was done is not known.",
            ended_at=timezone.now(),
        )
        GenerationEvent.objects.filter(generation=generation).delete()
        mine = Generation.objects.filter(
            pk=generation.pk, state=GenerationState.RUNNING, lease_owner=generation.lease_owner
        )
        queued = mine.update(
            state=GenerationState.QUEUED, lease_owner=None, lease_until=None, settled_seq=seq
        )
        wakeups.wake_on_commit(wakeups.QUEUE)
    logger.warning("Generation %s goes on with its tools after its engine was gone", generation.pk)
    return bool(queued)


def rows_of(generation: Generation, parts: Iterable[SaidPart]) -> list[Part]:
    """Return a row for each part, rendered; without their positions."""
    return [
        Part(
            message=generation.message,
            generation=generation,
            kind=part.kind,
            text=part.text,
            started_at=part.started_at,
            ended_at=part.ended_at,
            opaque=part.opaque,
            wire=part.wire,
            html=markdown.render(part.text) if part.kind not in _UNRENDERED else "",
            html_version=markdown.VERSION if part.kind not in _UNRENDERED else 0,
        )
        for part in parts
    ]
