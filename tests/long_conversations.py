"""Conversations of many turns, made at once: for tests and measurements of what must not grow with them."""

from __future__ import annotations

from django.utils import timezone

from conversations.models import Conversation, Generation, GenerationState, Message, Model, Part, Role, User
from conversations.rendering import markdown
from conversations.services import outlines

_BATCH = 500


def make(owner: User, model: Model, *, turns: int, title: str = "Long", words: str = "") -> Conversation:
    """Return a conversation of `turns` turns that have ended, such as "Question 0007." and "Answer 0007."."""
    conversation = Conversation.objects.create(owner=owner, title=title, model=model)
    extend(conversation, turns=turns, words=words)
    return conversation


def extend(conversation: Conversation, *, turns: int, words: str = "") -> None:
    """Add turns below the shown leaf, until there are `turns` of them."""
    leaf, owner, model = conversation.current_leaf, conversation.owner, conversation.model
    assert model
    begun = (leaf.depth + 1) // 2 if leaf else 0
    rows = []
    for _ in range(begun, turns):
        for role, author in ((Role.USER, owner), (Role.ASSISTANT, None)):
            rows.append(Message(conversation=conversation, role=role, author=author, depth=0))
    # Ids come with the rows, so the rows come first; then each gets its parent.
    Message.objects.bulk_create(rows, batch_size=_BATCH)
    for number, row in enumerate(rows):
        row.parent = rows[number - 1] if number else leaf
        row.depth = begun * 2 + number
    Message.objects.bulk_update(rows, ["parent", "depth"], batch_size=_BATCH)
    Part.objects.bulk_create([_part(row, words) for row in rows], batch_size=_BATCH)
    ended = [_ended(row, model) for row in rows if row.role == Role.ASSISTANT]
    Generation.objects.bulk_create(ended, batch_size=_BATCH)
    conversation.current_leaf = rows[-1]
    conversation.save(update_fields=["current_leaf"])
    outlines.counted(outlines.of(rows[-1].pk))


def _part(row: Message, words: str) -> Part:
    kind = "Question" if row.role == Role.USER else "Answer"
    text = f"{kind} {row.depth // 2:04d}. {words}"
    html = markdown.render(text)
    return Part(message=row, position=0, kind="text", text=text, html=html, html_version=markdown.VERSION)


def _ended(row: Message, model: Model) -> Generation:
    return Generation(
        message=row,
        asked_by=row.conversation.owner,
        model=model,
        model_name=model.name,
        state=GenerationState.SUCCEEDED,
        ended_at=timezone.now(),
    )
