"""The end of a generation: text, state and call become final together, and the steps go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from conversations.generation import explaining
from conversations.models import (
    Generation,
    GenerationEvent,
    GenerationState,
    Part,
    PartKind,
)
from conversations.rendering import markdown
from conversations.services import steps, wakeups

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SaidPart:
    """One part as it will be stored."""

    kind: str
    text: str
    started_at: datetime | None = None
    ended_at: datetime | None = None


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
    rows = _rows(generation, parts)
    now = timezone.now()
    with transaction.atomic():
        mine = Generation.objects.filter(
            pk=generation.pk, state=GenerationState.RUNNING, lease_owner=generation.lease_owner
        )
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
        also()
        if ended:
            first = Part.objects.filter(message=generation.message).count()
            for number, row in enumerate(rows):
                row.position = first + number
            Part.objects.bulk_create(rows)
            GenerationEvent.objects.filter(generation=generation).delete()
            wakeups.wake_on_commit(wakeups.conversation_topic(generation.message.conversation_id))
    return bool(ended)


def recover(generation: Generation) -> bool:
    """End a generation whose maker is gone: what its steps tell is kept, and it counts as interrupted."""
    events = GenerationEvent.objects.filter(generation=generation).order_by("seq")
    so_far = steps.read(events.values_list("seq", "data"))
    parts = [SaidPart(part.kind, part.full_text) for _, part in sorted(so_far.parts.items())]
    outcome = Outcome(
        GenerationState.INTERRUPTED,
        error_kind="engine_gone",
        error_text=explaining.interrupted(by_restart=True),
    )
    logger.warning("Generation %s was left behind by its engine: interrupted", generation.pk)
    return finish(generation, outcome, parts)


def _rows(generation: Generation, parts: Iterable[SaidPart]) -> list[Part]:
    return [
        Part(
            message=generation.message,
            generation=generation,
            kind=part.kind,
            text=part.text,
            started_at=part.started_at,
            ended_at=part.ended_at,
            html=markdown.render(part.text) if part.kind != PartKind.DISCARDED else "",
            html_version=markdown.VERSION,
        )
        for part in parts
        if part.text
    ]
