"""The tree of a conversation: where a message hangs, and which branch is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from conversations.models import Comparison, Conversation, Message, Role, User
from conversations.services import marks, wakeups
from conversations.services.errors import Refused

# More messages than any branch has.
_ALL = 1_000_000_000
_ANCESTORS = """
WITH RECURSIVE branch(id, parent_id, more) AS (
    SELECT id, parent_id, CAST(%s AS integer) FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT m.id, m.parent_id, b.more - 1 FROM conversations_message m JOIN branch b ON m.id = b.parent_id
    WHERE b.more > 1
) SELECT id FROM branch
"""
_DESCENDANTS = """
WITH RECURSIVE subtree(id) AS (
    SELECT id FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT m.id FROM conversations_message m JOIN subtree s ON m.parent_id = s.id
) SELECT id FROM subtree
"""
_COMPARED_WITH_LEAF = """
SELECT other.id FROM conversations_message leaf
JOIN conversations_comparison c ON c.id = leaf.comparison_id AND c.chosen_at IS NULL
JOIN conversations_message other ON other.comparison_id = c.id AND other.deleted_at IS NULL
WHERE leaf.id = %s
"""
_ANSWERS_OF_COMPARISON = """
SELECT id FROM conversations_message WHERE comparison_id = %s AND deleted_at IS NULL
UNION SELECT chosen.id FROM conversations_comparison c
JOIN conversations_message chosen ON chosen.id = c.chosen_id AND chosen.deleted_at IS NULL
WHERE c.id = %s
"""
_BRANCH_AND_COMPARED = " UNION ".join((_ANCESTORS, _COMPARED_WITH_LEAF))
_BRANCH_AND_ANSWERS = " UNION ".join((_ANCESTORS, _ANSWERS_OF_COMPARISON))


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


def show(conversation: Conversation, leaf: Message | None, *, active_at: datetime | None = None) -> None:
    """Make the branch that ends in `leaf` (None: no message at all) the shown one, and tell every open page.

    Inside a transaction that has locked the conversation: its revision is what was read.
    """
    conversation.current_leaf, conversation.revision = leaf, conversation.revision + 1
    if active_at:
        conversation.active_at = active_at
    conversation.save(update_fields=["current_leaf", "revision", "active_at"])
    wakeups.wake_on_commit(wakeups.conversation_topic(conversation.pk))
    marks.changed(conversation.owner_id)


def touch(conversation: Conversation, **changes: object) -> None:
    """Change fields of the conversation itself, and tell every open page. Inside a transaction."""
    Conversation.objects.filter(pk=conversation.pk).update(revision=F("revision") + 1, **changes)
    conversation.refresh_from_db(fields=["revision", *changes])
    wakeups.wake_on_commit(wakeups.conversation_topic(conversation.pk))
    marks.changed(conversation.owner_id)


def standing(message: Message) -> Message:
    """Return the message as it is now, inside a transaction that has locked its conversation.

    Raises Refused where it was deleted meanwhile.
    """
    found = Message.objects.filter(pk=message.pk, deleted_at=None)
    now = found.select_related("conversation", "parent", "shown_leaf").first()
    if now is None:
        raise Refused("This message was deleted.")
    return now


def branch_ids(leaf_id: int, *, most: int = _ALL) -> RawSQL:
    """Return the ids from the root to the leaf, the last `most` of them, as a subquery: one query."""
    return RawSQL(_ANCESTORS, [most, leaf_id])  # noqa: S611 - the statement is a constant, the id a parameter


def branch_and_compared_ids(leaf_id: int, *, most: int = _ALL) -> RawSQL:
    """Return what `branch_ids` does, and the ids of what stands beside the leaf, none chosen yet."""
    return RawSQL(_BRANCH_AND_COMPARED, [most, leaf_id, leaf_id])  # noqa: S611 - as in branch_ids


def answers_of(comparison: Comparison, *, most: int = _ALL) -> RawSQL:
    """Return what `branch_ids` does for the question of a comparison, and the ids of its answers."""
    # The chosen one may stand in a later comparison by now.
    ids = [most, comparison.question_id, comparison.pk, comparison.pk]
    return RawSQL(_BRANCH_AND_ANSWERS, ids)  # noqa: S611 - as in branch_ids


def ids_under(message: Message) -> RawSQL:
    """Return the ids of the message and of all below it, deleted ones too, as a subquery."""
    return RawSQL(_DESCENDANTS, [message.pk])  # noqa: S611 - the statement is a constant


def newest_leaf_under(message: Message) -> Message:
    """Return the end of the branch that was last written below `message`."""
    # A child is always younger than its parent, so the youngest of a subtree is a leaf.
    return Message.objects.filter(pk__in=ids_under(message), deleted_at=None).order_by("-id")[0]


def remembered_leaf_under(message: Message) -> Message:
    """Return where one was when the branch below `message` was left, or its newest end."""
    place = message.shown_leaf
    # What was written below it since then belongs to it.
    return newest_leaf_under(place if place and place.deleted_at is None else message)


def leave(conversation: Conversation, leaf: Message) -> None:
    """Remember where one was, in the first message that is left for the branch that ends in `leaf`.

    Inside a transaction that has locked the conversation, before `show`.
    """
    old = conversation.current_leaf_id
    if old is None:
        return
    left = Message.objects.filter(pk__in=branch_ids(old)).exclude(pk__in=branch_ids(leaf.pk))
    first = left.order_by("depth").values_list("pk", flat=True).first()
    if first is not None:
        Message.objects.filter(pk=first).update(shown_leaf=old)


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
