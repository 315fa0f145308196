"""Branches that are put away, and brought back: all the messages of one deletion together."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Min
from django.utils import timezone

from conversations.models import Conversation, Generation, Message, Part, PartKind
from conversations.rendering import plain
from conversations.services import accepting, sending, tree
from conversations.services.errors import Refused

_MOST_SHOWN = 100
_WORDS = 120


@dataclass(frozen=True)
class Deletion:
    """Messages that were deleted together. `is_blocked`: what it hangs on was deleted, too."""

    id: UUID
    words: str
    count: int
    deleted_at: datetime
    is_blocked: bool


@transaction.atomic
def delete_branch(message: Message) -> UUID:
    """Put `message` and all below it away; return the id of the deletion, which `restore` takes.

    What is being written in it is stopped. Where it was shown, its nearest version is, or what is above it.
    Raises Refused where it is gone already.
    """
    conversation = accepting.locked(message.conversation)
    message = tree.standing(message)
    under = Message.objects.filter(pk__in=tree.ids_under(message), deleted_at=None)
    unfinished = Generation.objects.unfinished().filter(message__in=under)
    for running in Message.objects.filter(pk__in=unfinished.values("message")):
        sending.stop(running)
    leaf_id = conversation.current_leaf_id
    was_shown = leaf_id is not None and under.filter(pk=leaf_id).exists()
    if was_shown and message.parent is not None:
        # Brought back, the branch is shown where one was.
        Message.objects.filter(pk=message.pk).update(shown_leaf=leaf_id)
    deletion = uuid.uuid4()
    under.update(deleted_at=timezone.now(), deletion=deletion)
    if was_shown:
        tree.show(conversation, _beside(message))
    else:
        tree.touch(conversation)
    return deletion


def _beside(message: Message) -> Message | None:
    versions = Message.objects.filter(
        conversation=message.conversation_id, parent=message.parent_id, deleted_at=None
    )
    nearest = versions.filter(pk__lt=message.pk).order_by("-pk").first() or versions.order_by("pk").first()
    return tree.remembered_leaf_under(nearest) if nearest else message.parent


@transaction.atomic
def restore(conversation: Conversation, deletion: UUID) -> Conversation:
    """Bring a deleted branch back, and show it. A second time changes nothing. Raises Refused."""
    conversation = accepting.locked(conversation)
    gone = Message.objects.filter(conversation=conversation, deletion=deletion).exclude(deleted_at=None)
    top = gone.select_related("parent").order_by("depth", "id").first()
    if top is None:
        raise Refused("There is nothing to bring back: it is there already.")
    if top.parent and top.parent.deleted_at:
        raise Refused("What stood above it was deleted, too. Bring that back first.")
    gone.update(deleted_at=None, deletion=None)
    top.deleted_at = top.deletion = None
    leaf = tree.remembered_leaf_under(top)
    if conversation.current_leaf_id:
        tree.leave(conversation, leaf)
    tree.show(conversation, leaf)
    return conversation


def deletions(conversation: Conversation) -> list[Deletion]:
    """Return what can be brought back, the latest first. Three queries, however many."""
    gone = Message.objects.filter(conversation=conversation).exclude(deletion=None)
    rows = gone.values("deletion").annotate(count=Count("id"), first=Min("id"), deleted_at=Min("deleted_at"))
    found = list(rows.order_by("-deleted_at", "deletion")[:_MOST_SHOWN])
    # The parent is older than its children: the first of a deletion is its top.
    tops = Message.objects.select_related("parent").in_bulk([row["first"] for row in found])
    said = Part.objects.filter(message__in=tops, kind=PartKind.TEXT).order_by("message", "-position")
    words = {part.message_id: part.text[: 4 * _WORDS] for part in said.defer("html")}
    return [
        Deletion(
            id=row["deletion"],
            words=plain.plain_text(words.get(row["first"], ""))[:_WORDS] or "Without words",
            count=row["count"],
            deleted_at=row["deleted_at"],
            is_blocked=_is_blocked(tops[row["first"]]),
        )
        for row in found
        if row["deletion"]
    ]


def _is_blocked(top: Message) -> bool:
    return bool(top.parent and top.parent.deleted_at)
