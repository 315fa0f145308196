"""Versions: a question or an answer once more, beside the one that was. Nothing is ever overwritten."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from conversations.models import Attachment, Conversation, Message, Part, Role, SendKind, User
from conversations.services import accepting, sending, tree
from conversations.services.errors import Refused


@transaction.atomic
def show(message: Message) -> Conversation:
    """Show the branch that goes through `message`, at the place where one last was in it."""
    conversation = accepting.locked(message.conversation)
    message = tree.standing(message)
    leaf = tree.remembered_leaf_under(message)
    if leaf.pk != conversation.current_leaf_id:
        tree.leave(conversation, leaf)
        tree.show(conversation, leaf)
    return conversation


def edit_question(
    question: Message,
    *,
    author: User,
    send_id: UUID,
    text: str,
    keep: Sequence[UUID] = (),
    model_name: str = "",
) -> accepting.Turn:
    """Ask `question` in other words, beside it, and queue an answer. The same send again is the same turn.

    `keep`: which of its attachments the new one carries, too; they share the stored files. Raises Refused.
    """
    part = sending.part_of(text)
    with transaction.atomic():
        return _store_edit(question, author, send_id, part, tuple(dict.fromkeys(keep)), model_name)


def _store_edit(
    question: Message, author: User, send_id: UUID, part: Part, keep: tuple[UUID, ...], model_name: str
) -> accepting.Turn:
    content = (str(question.public_id), model_name, part.text, *map(str, keep))
    accepting.in_turn(author)
    if before := accepting.sent_before(author, send_id, SendKind.EDIT, content):
        return accepting.turn_of(before)
    if not part.text.strip() and not keep:
        raise Refused("Write a message first.")
    conversation = accepting.locked(question.conversation)
    question = tree.standing(question)
    kept = _kept(question, keep)
    chosen = model_name or (conversation.model.name if conversation.model else "")
    model = accepting.offered(chosen, person=author)
    accepting.refuse_a_full_queue(author)
    edited = tree.append(conversation, role=Role.USER, author=author, parent=question.parent)
    if part.text.strip():
        part.message = edited
        part.save()
    Attachment.objects.bulk_create(copies_of(kept, edited, owner=author))
    send = accepting.record(author, send_id, SendKind.EDIT, content, conversation, edited)
    tree.leave(conversation, edited)
    return accepting.queue_answer(conversation, edited, model=model, author=author, send=send)


def _kept(question: Message, keep: tuple[UUID, ...]) -> list[Attachment]:
    if len(keep) > settings.ATTACHMENT_MAX_PER_MESSAGE:
        raise Refused(f"One message carries at most {settings.ATTACHMENT_MAX_PER_MESSAGE} pictures.")
    own = {attachment.public_id: attachment for attachment in question.attachments.all()}
    if not own.keys() >= set(keep):
        raise Refused("One of the pictures is no longer there. Remove it, and send again.")
    return sorted((own[public_id] for public_id in keep), key=lambda kept: (kept.position, kept.pk))


def copies_of(attachments: Sequence[Attachment], message: Message, *, owner: User) -> list[Attachment]:
    """Return rows, not stored yet, by which `message` carries the same files."""
    return [
        Attachment(
            public_id=uuid.uuid4(),
            owner=owner,
            message=message,
            file_id=attachment.file_id,
            source_url=attachment.source_url,
            name=attachment.name,
            made_by=attachment.made_by,
            position=attachment.position,
            created_at=timezone.now(),
        )
        for attachment in attachments
    ]
