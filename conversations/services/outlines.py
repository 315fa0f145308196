"""A branch without its words: which messages, how many tokens each. What is sent, and the gauge, go by it.

A message is counted once, when it has become final, and the count is kept with it. What was never counted (of
an older release) is counted when it is first asked for: the newest exactly, the rest by its length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Count

from conversations.models import Attachment, Message, Part, PartKind, Role, ToolCall
from conversations.services import estimating, tree

# Of the messages that were never counted, so many are counted exactly; that takes 3 ms each at most.
_EXACTLY = 40
# Bytes of UTF-8 for one token: fewer than most texts have, so that the guess is rather too high.
_BYTES_PER_TOKEN = 3
_BATCH = 500
# What of a message is sent; thinking is sent back by few formats, and billed by fewer.
COUNTED = (PartKind.TEXT, PartKind.TOOL_CALL)


@dataclass(frozen=True)
class Entry:
    """One message of a branch. `tokens` is an estimate; None: not counted yet."""

    pk: int
    depth: int
    is_question: bool
    is_pinned: bool
    tokens: int | None


def of(leaf_id: int | None) -> list[Entry]:
    """Return the branch that ends in a message, from its root on. One query."""
    if leaf_id is None:
        return []
    rows = Message.objects.filter(pk__in=tree.branch_ids(leaf_id)).order_by("depth")
    return [
        Entry(pk, depth, role == Role.USER, pinned_at is not None, tokens)
        for pk, depth, role, pinned_at, tokens in rows.values_list(
            "pk", "depth", "role", "pinned_at", "tokens"
        )
    ]


def counted(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries, each with its count; what was missing is stored. All of them must be final."""
    missing = [entry.pk for entry in entries if entry.tokens is None]
    if not missing:
        return list(entries)
    found: dict[int, int] = {}
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        found |= _count(batch, exactly=set(missing[-_EXACTLY:]))
    rows = [Message(pk=pk, tokens=tokens) for pk, tokens in found.items()]
    Message.objects.bulk_update(rows, ["tokens"], batch_size=_BATCH)
    return [replace(entry, tokens=found.get(entry.pk, entry.tokens)) for entry in entries]


def guessed(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries, each with a count; nothing is stored. One query more where something is missing.

    The newest two (the question that was just asked) are counted; each other one counts as the average.
    """
    missing = [entry.pk for entry in entries if entry.tokens is None]
    if not missing:
        return list(entries)
    newest = missing[-2:]
    found = _count(newest, exactly=set(newest))
    known = [entry.tokens for entry in entries if entry.tokens is not None] or list(found.values()) or [0]
    average = sum(known) // len(known)
    return [
        entry if entry.tokens is not None else replace(entry, tokens=found.get(entry.pk, average))
        for entry in entries
    ]


def tokens_of(parts: Iterable[Part]) -> int:
    """Return about how many tokens an answer with these parts is, as it is sent."""
    texts = [text for part in parts for text in _sent(part, part.tool_call if _is_call(part) else None)]
    return _sum(estimating.tokens_in(texts), 0)


def _count(ids: Sequence[int], *, exactly: set[int]) -> dict[int, int]:
    texts: dict[int, list[str]] = defaultdict(list)
    parts = Part.objects.filter(message__in=ids, kind__in=COUNTED)
    for part in parts.select_related("tool_call").defer("html").order_by("message", "position"):
        texts[part.message_id] += _sent(part, part.tool_call if _is_call(part) else None)
    # What a model has made goes back to it as a mark in its text.
    sent = Attachment.objects.filter(message__in=ids, message__role=Role.USER).order_by("message")
    pictures = dict(sent.values_list("message").annotate(Count("pk")))
    return {
        pk: _sum(
            estimating.tokens_in(texts[pk]) if pk in exactly else _by_length(texts[pk]), pictures.get(pk, 0)
        )
        for pk in ids
    }


def _is_call(part: Part) -> bool:
    return part.kind == PartKind.TOOL_CALL


def _sent(part: Part, call: ToolCall | None) -> list[str]:
    if call is not None:
        return [call.name, call.arguments_text, call.name, call.result or call.error]
    return [part.text] if part.kind == PartKind.TEXT else []


def _sum(words: int, pictures: int) -> int:
    return estimating.MESSAGE_TOKENS + words + pictures * estimating.PICTURE_TOKENS


def _by_length(texts: Iterable[str]) -> int:
    return sum(len(text.encode(errors="replace")) for text in texts) // _BYTES_PER_TOKEN + 1
