"""Conversations as a page shows them: the shown branch, message by message, in a fixed number of queries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from conversations.models import (
    Attachment,
    Call,
    Comparison,
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
from conversations.services import choosing, joining, spending, steps, stretches, tree
from conversations.services.shown import Branch, ShownMessage, ShownPart, ShownTool, SideBySide


def branch_of(conversation: Conversation, *, viewer: User, at: Message | None = None) -> Branch:
    """Return the end of the branch that ends in the conversation's current leaf.

    `at`: the part around that message instead, where it is on this branch, and not near its end.
    """
    leaf_id = conversation.current_leaf_id
    if leaf_id is None:
        return Branch(conversation)
    if at and (around := stretches.around(leaf_id, at)) is not None:
        *part, leaf = _shown(around, viewer=viewer, last_id=leaf_id)
        if any(shown.message.pk == at.pk for shown in part):
            return Branch(conversation, part, leaf=leaf)
    return _branch(conversation, _shown(stretches.newest(leaf_id), viewer=viewer, last_id=leaf_id))


def above(message: Message, *, viewer: User) -> Branch:
    """Return what stands above a message, no more than a page takes."""
    conversation = message.conversation
    return Branch(conversation, _shown(stretches.above(message), viewer=viewer, last_id=None))


def below(message: Message, *, viewer: User) -> Branch:
    """Return what follows a message on the shown branch, no more than a page takes.

    Where that is not its end, `leaf` is what stands there.
    """
    conversation = message.conversation
    leaf_id = conversation.current_leaf_id
    part = _shown(stretches.below(conversation, message), viewer=viewer, last_id=leaf_id)
    if not part or any(shown.is_last for shown in part):
        return _branch(conversation, part)
    return Branch(conversation, part, leaf=part[-1])


def side_by_side(comparison: Comparison, *, viewer: User) -> Branch:
    """Return the branch down to a question that was compared, and its answers, whatever was chosen."""
    question = comparison.question
    found = Message.objects.filter(pk__in=tree.answers_of(comparison, most=stretches.PAGE))
    leaf = question.conversation.current_leaf_id
    return _branch(question.conversation, _shown(found, viewer=viewer, last_id=leaf), comparison)


def just_compared(comparison: Comparison, *, viewer: User) -> Branch:
    """Return a question that was asked to several models a moment ago, and their answers, nothing above."""
    question = comparison.question
    found = Message.objects.filter(Q(pk=question.pk) | Q(comparison=comparison))
    leaf = question.conversation.current_leaf_id
    return _branch(question.conversation, _shown(found, viewer=viewer, last_id=leaf), comparison)


def _branch(
    conversation: Conversation, messages: list[ShownMessage], comparison: Comparison | None = None
) -> Branch:
    """Take the answers of a comparison, where the messages end in an open one, out of the line."""
    if comparison is None and messages:
        last = messages[-1].message
        comparison = last.comparison if choosing.is_open(last) else None
    if comparison is None:
        return Branch(conversation, messages)
    # The deepest messages are the answers: what is above them is one branch.
    depth = messages[-1].message.depth
    columns = [shown for shown in messages if shown.message.depth == depth]
    if len(columns) < 2:
        return Branch(conversation, messages)
    columns.sort(key=lambda column: (column.author_name.lower(), column.message.pk))
    above = [shown for shown in messages if shown.message.depth < depth]
    return Branch(conversation, above, SideBySide(str(comparison.public_id), columns, comparison.chosen_id))


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
        found.select_related("author", "comparison")
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
    parts = _parts(list(message.parts.all()), generations, growing)
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
        calls=tuple(calls),
        spent=spending.of_calls(call for made in generations for call in made.calls.all()),
        version=place + 1,
        versions=len(versions),
        previous_id=str(versions[place - 1].public_id) if place else None,
        next_id=str(versions[place + 1].public_id) if place + 1 < len(versions) else None,
        is_last=is_last,
        seq=max(growing.seq, generation.settled_seq) if growing and generation else 0,
        note=growing.note if growing else "",
        comparison_id=str(message.comparison.public_id) if message.comparison else "",
    )


def _parts(stored: list[Part], generations: list[Generation], growing: steps.SoFar | None) -> list[ShownPart]:
    """Return the parts in order: what is stored, then what grows, in the place of what it goes on with."""
    later = {made.pk for made in generations if made.attempt > 1}
    shown: dict[int, ShownPart] = {}
    for run in joining.runs(stored):
        # What a continuation said again is kept for reviewers.
        if run.head.kind != PartKind.DISCARDED or run.head.generation_id not in later:
            shown[run.head.position] = _text(run) if len(run.parts) > 1 else _part(run.head)
    for position, part in sorted(growing.parts.items()) if growing else ():
        grown = _growing(part)
        if (old := shown.get(position)) and part.kind == PartKind.TEXT:
            grown = replace(grown, text=old.text + grown.text)
        elif old:
            continue
        shown[position] = grown
    return list(shown.values())


def _text(run: joining.Run) -> ShownPart:
    """Return the text of an answer that was continued: as one."""
    is_current = all(part.html_version == markdown.VERSION for part in run.parts)
    html = run.head.html if is_current else markdown.render(run.text)
    return replace(_part(run.head), html=mark_safe(html), text=run.text)  # noqa: S308 - as in _part


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
