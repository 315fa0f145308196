"""Conversations as a page shows them: the shown branch, message by message, in a fixed number of queries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from conversations.models import (
    Attachment,
    Call,
    Conversation,
    Generation,
    GenerationEvent,
    GenerationState,
    Message,
    Part,
    PartKind,
    Purpose,
    Role,
    ToolCall,
    User,
)
from conversations.rendering import markdown
from conversations.services import steps, tree
from conversations.services.shown import Branch, ShownMessage, ShownPart, ShownTool


def branch_of(conversation: Conversation, *, viewer: User) -> Branch:
    """Return the branch that ends in the conversation's current leaf."""
    if conversation.current_leaf_id is None:
        return Branch(conversation)
    found = Message.objects.filter(pk__in=tree.branch_ids(conversation.current_leaf_id))
    return Branch(conversation, _shown(found, viewer=viewer, last_id=conversation.current_leaf_id))


def shown(messages: Iterable[Message], *, viewer: User) -> list[ShownMessage]:
    """Return single messages of one conversation, as their branch would show them."""
    messages = list(messages)
    if not messages:
        return []
    leaf = messages[0].conversation.current_leaf_id
    return _shown(Message.objects.filter(pk__in=[m.pk for m in messages]), viewer=viewer, last_id=leaf)


def just_asked(question: Message, generation: Generation, *, viewer: User) -> list[ShownMessage]:
    """Return a question that was stored a moment ago, and its queued answer: what nobody can have changed."""
    attachments = question.attachments.select_related("file").order_by("position", "id")
    parts = [_part(part) for part in question.parts.all()]
    return [
        _lone(question, viewer, parts=parts, attachments=list(attachments)),
        _lone(generation.message, viewer, generation=generation, is_last=True),
    ]


def _lone(
    message: Message,
    viewer: User,
    *,
    parts: list[ShownPart] | None = None,
    attachments: list[Attachment] | None = None,
    generation: Generation | None = None,
    is_last: bool = False,
) -> ShownMessage:
    """Return a message that has no other version."""
    return ShownMessage(
        message=message,
        id=str(message.public_id),
        is_question=message.role == Role.USER,
        author_name=_author_name(message, generation, viewer),
        state=generation.state if generation else GenerationState.SUCCEEDED,
        parts=parts or [],
        attachments=attachments or [],
        generation=generation,
        call=None,
        version=1,
        versions=1,
        previous_id=None,
        next_id=None,
        is_last=is_last,
    )


def _shown(found: QuerySet[Message], *, viewer: User, last_id: int | None) -> list[ShownMessage]:
    answers = Call.objects.filter(purpose=Purpose.ANSWER).order_by("id")
    made = Generation.objects.order_by("attempt").prefetch_related(Prefetch("calls", queryset=answers))
    messages = list(
        found.select_related("author")
        .prefetch_related(
            Prefetch("parts", queryset=Part.objects.select_related("tool_call").order_by("position")),
            Prefetch(
                "attachments", queryset=Attachment.objects.select_related("file").order_by("position", "id")
            ),
            Prefetch("generations", queryset=made),
        )
        .order_by("depth")
    )
    versions = tree.versions_of(messages)
    so_far = _so_far(messages)
    return [_show(m, viewer, versions[m.parent_id], so_far, is_last=m.pk == last_id) for m in messages]


def _so_far(messages: Iterable[Message]) -> dict[int, steps.SoFar]:
    """Return what the unfinished answers among `messages` have said, by generation. At most one query."""
    unfinished = [g.pk for message in messages for g in message.generations.all() if g.is_unfinished]
    if not unfinished:
        return {}
    rows: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    events = GenerationEvent.objects.filter(generation__in=unfinished).order_by("generation", "seq")
    for pk, seq, data in events.values_list("generation_id", "seq", "data"):
        rows[pk].append((seq, data))
    return {pk: steps.read(rows[pk]) for pk in unfinished}


def _show(
    message: Message, viewer: User, versions: list[Message], so_far: dict[int, steps.SoFar], *, is_last: bool
) -> ShownMessage:
    generations = list(message.generations.all())
    generation = generations[-1] if generations else None
    ids = [version.pk for version in versions]
    place = ids.index(message.pk)
    calls = list(generation.calls.all()) if generation else []
    growing = so_far.get(generation.pk) if generation else None
    parts = [_part(part) for part in message.parts.all()]
    if growing:
        parts += [_growing(part) for _, part in sorted(growing.parts.items())]
    return ShownMessage(
        message=message,
        id=str(message.public_id),
        is_question=message.role == Role.USER,
        author_name=_author_name(message, generation, viewer),
        state=generation.state if generation else GenerationState.SUCCEEDED,
        parts=parts,
        attachments=list(message.attachments.all()),
        generation=generation,
        call=calls[-1] if calls else None,
        version=place + 1,
        versions=len(versions),
        previous_id=str(versions[place - 1].public_id) if place else None,
        next_id=str(versions[place + 1].public_id) if place + 1 < len(versions) else None,
        is_last=is_last,
        seq=max(growing.seq, generation.settled_seq) if growing and generation else 0,
        note=growing.note if growing else "",
    )


def _author_name(message: Message, generation: Generation | None, viewer: User) -> str:
    if message.author is not None:
        return "You" if message.author_id == viewer.pk else message.author.shown_name
    return generation.model_name if generation else "Answer"


def _part(part: Part) -> ShownPart:
    if part.kind == PartKind.TOOL_CALL:
        shown = ShownPart(part.position, part.kind, SafeString(""), "", round=part.round)
        return replace(shown, tool=_tool(part.tool_call))
    if part.kind == PartKind.OPAQUE:
        return ShownPart(part.position, part.kind, SafeString(""), "")
    # What an older renderer made is made anew for this page; nothing is written while reading.
    html = part.html if part.html_version == markdown.VERSION else markdown.render(part.text)
    return ShownPart(
        position=part.position,
        kind=part.kind,
        html=mark_safe(html),  # noqa: S308 - made by conversations.rendering
        text=part.text,
        seconds=_seconds(part.started_at, part.ended_at),
    )


def _tool(call: ToolCall) -> ShownTool:
    seconds = None
    if call.started_at and call.ended_at:
        seconds = (call.ended_at - call.started_at).total_seconds()
    return ShownTool(
        id=str(call.public_id),
        name=call.name,
        state=call.state,
        state_label=call.get_state_display(),
        arguments=_pretty(call.arguments_text),
        result=_pretty(call.result),
        error=call.error,
        seconds=seconds,
    )


def _pretty(text: str) -> str:
    """Return JSON with its lines broken, any other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _growing(part: steps.PartSoFar) -> ShownPart:
    return ShownPart(
        position=part.position,
        kind=part.kind,
        html=part.page.html(),
        text=part.full_text,
        is_open=True,
    )


def _seconds(started_at: datetime | None, ended_at: datetime | None) -> int | None:
    if started_at is None:
        return None
    return max(1, round(((ended_at or timezone.now()) - started_at).total_seconds()))
