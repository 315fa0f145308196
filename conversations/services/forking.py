"""A conversation of its own from any message on: the branch up to there is copied, the original stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet

from conversations.models import (
    Attachment,
    Conversation,
    Generation,
    MadeBy,
    Message,
    Part,
    Role,
    SendKind,
    TitleSource,
    ToolCall,
    ToolCallState,
    User,
)
from conversations.models.generations import UNFINISHED
from conversations.services import accepting, marks, tree, versions
from conversations.services.errors import Refused

_Row = TypeVar("_Row", bound=Model)

MOST_MESSAGES = 5000
_BATCH = 500
_TITLE = 200
_ENDING = " (fork)"
_UNDONE = (ToolCallState.QUEUED, ToolCallState.RUNNING, ToolCallState.WAITING)


@transaction.atomic
def fork(message: Message, *, author: User, send_id: UUID) -> Conversation:
    """Copy the branch that ends in `message` into a new conversation of `author`.

    The same send again is the same conversation. Files are shared, not copied. Approvals, sends, calls and
    their costs stay where they are: nothing of the fork was asked, allowed or paid a second time. Raises
    Refused, also for an answer that is still being written.
    """
    content = (str(message.public_id),)
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, SendKind.FORK, content):
        if before.conversation.deleted_at:
            raise Refused("What was sent before is gone.")
        return before.conversation
    original = accepting.locked(message.conversation)
    message = tree.standing(message)
    if message.role == Role.ASSISTANT and message.generations.unfinished().exists():
        raise Refused("This answer is still being written. Wait for its end, stop it, or fork its question.")
    if message.depth >= MOST_MESSAGES:
        raise Refused(f"A fork takes at most {MOST_MESSAGES:,} messages with it.")
    conversation = _conversation_like(original, message, author)
    branch = Message.objects.filter(pk__in=tree.branch_ids(message.pk))
    copies = _copy_messages(branch, conversation)
    _copy_contents(branch, copies, author)
    conversation.current_leaf = copies[message.pk]
    conversation.save(update_fields=["current_leaf"])
    marks.changed(author.pk)
    accepting.record(author, send_id, SendKind.FORK, content, conversation, copies[message.pk])
    return conversation


def _conversation_like(original: Conversation, message: Message, author: User) -> Conversation:
    title = original.title[: _TITLE - len(_ENDING)].removesuffix(_ENDING)
    return Conversation.objects.create(
        owner=author,
        title=f"{title}{_ENDING}",
        # No model names it anew: it would be called like its original.
        title_source=TitleSource.PERSON,
        model_id=original.model_id,
        parameters=original.parameters,
        assistant_id=original.assistant_id,
        # What was temporary stays so.
        expires_at=original.expires_at,
        forked_from=message,
    )


def _copy_messages(branch: QuerySet[Message], conversation: Conversation) -> dict[int, Message]:
    """Store the copies; return them by the ids of their originals."""
    originals = list(branch.order_by("depth"))
    # Ids come with the rows, so the rows come first and hang loose; then each gets its parent.
    rows = [
        _copy(one, conversation=conversation, parent=None, depth=0, shown_leaf=None, comparison=None)
        for one in originals
    ]
    Message.objects.bulk_create(rows, batch_size=_BATCH)
    for above, row in zip(rows, rows[1:], strict=False):
        row.parent, row.depth = above, above.depth + 1
    Message.objects.bulk_update(rows[1:], ["parent", "depth"], batch_size=_BATCH)
    return {one.pk: row for one, row in zip(originals, rows, strict=True)}


def _copy_contents(branch: QuerySet[Message], copies: dict[int, Message], author: User) -> None:
    generations = _copy_generations(branch, copies, author)
    renamed = _copy_attachments(branch, copies, author)
    # What a generation that still runs has stored so far is not final.
    final = Part.objects.filter(message__in=branch).exclude(generation__state__in=UNFINISHED)
    originals = list(final.order_by("message", "position"))
    parts = [
        _copy(
            one,
            message=copies[one.message_id],
            generation=generations.get(one.generation_id or 0),
            text=_renamed(one.text, renamed.get(one.message_id, ())),
            html=_renamed(one.html, renamed.get(one.message_id, ())),
        )
        for one in originals
    ]
    Part.objects.bulk_create(parts, batch_size=_BATCH)
    by_original = {one.pk: row for one, row in zip(originals, parts, strict=True)}
    _copy_tool_calls(by_original, generations)


def _copy_generations(
    branch: QuerySet[Message], copies: dict[int, Message], author: User
) -> dict[int, Generation]:
    ended = Generation.objects.filter(message__in=branch).exclude(state__in=UNFINISHED)
    originals = list(ended.order_by("message", "attempt"))
    rows = [
        _copy(one, message=copies[one.message_id], asked_by=author, send=None, settled_seq=0)
        for one in originals
    ]
    Generation.objects.bulk_create(rows, batch_size=_BATCH)
    return {one.pk: row for one, row in zip(originals, rows, strict=True)}


def _copy_attachments(
    branch: QuerySet[Message], copies: dict[int, Message], author: User
) -> dict[int, list[tuple[str, str]]]:
    """Store the copies; return, by message, which ids its text knows the pictures of a model by."""
    rows: list[Attachment] = []
    renamed: dict[int, list[tuple[str, str]]] = {}
    for one in Attachment.objects.filter(message__in=branch).order_by("message", "position", "id"):
        assert one.message_id  # noqa: S101 - it was found by it
        [row] = versions.copies_of([one], copies[one.message_id], owner=author)
        rows.append(row)
        if one.made_by == MadeBy.MODEL:
            renamed.setdefault(one.message_id, []).append((str(one.public_id), str(row.public_id)))
    Attachment.objects.bulk_create(rows, batch_size=_BATCH)
    return renamed


def _copy_tool_calls(parts: dict[int, Part], generations: dict[int, Generation]) -> None:
    originals = ToolCall.objects.filter(generation__in=generations).order_by("id")
    rows = [
        _copy(
            one,
            generation=generations[one.generation_id],
            part=parts[one.part_id],
            state=ToolCallState.STOPPED if one.state in _UNDONE else one.state,
            # An approval is for one conversation: nobody has decided anything here.
            decided_by=None,
            decided_at=None,
        )
        for one in originals.iterator(chunk_size=_BATCH)
        if one.part_id in parts
    ]
    ToolCall.objects.bulk_create(rows, batch_size=_BATCH)


def _renamed(text: str, names: Iterable[tuple[str, str]]) -> str:
    for old, new in names:
        text = text.replace(old, new)
    return text


def _copy(row: _Row, **changes: object) -> _Row:
    """Return a row like `row` that is not stored yet, under ids of its own."""
    fields = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key and field.name not in changes and field.name != "public_id"
    }
    copy = type(row)(**fields)
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy
