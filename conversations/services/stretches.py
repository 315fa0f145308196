"""As much of a branch as one page takes: its end, the part around a message, what is above and below a part.

The work is the same at the tenth message and at the thousandth, but for the ids that a part far above the end
is found by.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from conversations.models import Conversation, Message
from conversations.services import tree

# Messages that one page, or one look further up or down, takes.
PAGE = 30
# Of these, so many stand above a message that a page is opened at.
_ABOVE = 10


def newest(leaf_id: int) -> QuerySet[Message]:
    """Return the end of the branch, and what stands side by side with its last answer."""
    return Message.objects.filter(pk__in=tree.branch_and_compared_ids(leaf_id, most=PAGE))


def around(leaf_id: int, at: Message) -> QuerySet[Message] | None:
    """Return the part of the branch around `at`, and its leaf; None where its end has it. One query.

    Where `at` is on another branch, it is not among them.
    """
    depth = _depth(leaf_id)
    low = max(0, at.depth - _ABOVE)
    high = low + PAGE - 1
    if high >= depth:
        return None
    part = Q(depth__range=(low, high)) | Q(pk=leaf_id)
    return Message.objects.filter(part, pk__in=tree.branch_ids(leaf_id, most=depth - low + 1))


def above(message: Message) -> QuerySet[Message]:
    """Return what stands above `message`, no more than a page takes; nothing above a root."""
    if message.parent_id is None:
        return Message.objects.none()
    return Message.objects.filter(pk__in=tree.branch_ids(message.parent_id, most=PAGE))


def below(conversation: Conversation, message: Message) -> QuerySet[Message]:
    """Return what follows `message` on the shown branch, no more than a page takes. One query.

    Nothing where it is not on that branch any more. Whatever stands side by side comes with the branch's end.
    """
    leaf_id = conversation.current_leaf_id
    if leaf_id is None or (further := _depth(leaf_id) - message.depth) < 1:
        return Message.objects.none()
    branch = tree.branch_ids(leaf_id, most=further + 1)
    if not Message.objects.filter(pk=message.pk).filter(pk__in=branch).exists():
        return Message.objects.none()
    if further <= PAGE:
        ends = tree.branch_and_compared_ids(leaf_id, most=further)
        return Message.objects.filter(pk__in=ends)
    part = (message.depth + 1, message.depth + PAGE)
    return Message.objects.filter(pk__in=branch, depth__range=part)


def _depth(leaf_id: int) -> int:
    return Message.objects.values_list("depth", flat=True).get(pk=leaf_id)
