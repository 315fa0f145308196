"""The tree of a conversation: where a message hangs, and which branch is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from conversations.models import Conversation, Message, Role, User
from conversations.services import wakeups

_ANCESTORS = """
WITH RECURSIVE branch(id, parent_id) AS (
    SELECT id, parent_id FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT m.id, m.parent_id FROM conversations_message m JOIN branch b ON m.id = b.parent_id
) SELECT id FROM branch
"""
_DESCENDANTS = """
WITH RECURSIVE subtree(id) AS (
    SELECT id FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT m.id FROM conversations_message m JOIN subtree s ON m.parent_id = s.id
) SELECT id FROM subtree
"""


def append(
    conversation: Conversation, *, role: Role, parent: Message | None, author: User | None = None
) -> Message:
    """Hang a new message under `parent` (None: a new root). The caller says what becomes the shown leaf."""
    return Message.objects.create(
        conversation=conversation,
        parent=parent,
        depth=parent.depth + 1 if parent else 0,
        role=role,
        author=author,
    )


def show(conversation: Conversation, leaf: Message, *, active_at: datetime | None = None) -> None:
    """Make the branch that ends in `leaf` the shown one, and tell every open page.

    Inside a transaction that has locked the conversation: its revision is what was read.
    """
    conversation.current_leaf, conversation.revision = leaf, conversation.revision + 1
    if active_at:
        conversation.active_at = active_at
    conversation.save(update_fields=["current_leaf", "revision", "active_at"])
    wakeups.wake_on_commit(wakeups.conversation_topic(conversation.pk))


def touch(conversation: Conversation, **changes: object) -> None:
    """Change fields of the conversation itself, and tell every open page. Inside a transaction."""
    Conversation.objects.filter(pk=conversation.pk).update(revision=F("revision") + 1, **changes)
    conversation.refresh_from_db(fields=["revision", *changes])
    wakeups.wake_on_commit(wakeups.conversation_topic(conversation.pk))


def branch_ids(leaf_id: int) -> RawSQL:
    """Return the ids from the root to the leaf, as a subquery: one query however long the branch."""
    return RawSQL(_ANCESTORS, [leaf_id])  # noqa: S611 - the statement is a constant, the id a parameter


def newest_leaf_under(message: Message) -> Message:
    """Return the end of the branch that was last written below `message`."""
    # A child is always younger than its parent, so the youngest of a subtree is a leaf.
    below = RawSQL(_DESCENDANTS, [message.pk])  # noqa: S611 - the statement is a constant
    return Message.objects.filter(pk__in=below, deleted_at=None).order_by("-id")[0]


def versions_of(messages: Iterable[Message]) -> dict[int | None, list[Message]]:
    """Return the siblings, oldest first, of each message, by the parent's id. One query."""
    messages = list(messages)
    if not messages:
        return {}
    parents = Q(parent__in=[message.parent_id for message in messages if message.parent_id])
    if any(message.parent_id is None for message in messages):
        parents |= Q(parent=None)
    siblings = Message.objects.filter(
        parents, conversation_id=messages[0].conversation_id, deleted_at=None
    ).only("id", "public_id", "parent_id", "conversation_id")
    found: dict[int | None, list[Message]] = defaultdict(list)
    for message in siblings.order_by("id"):
        found[message.parent_id].append(message)
    return found
