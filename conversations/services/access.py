"""Who may reach what. Every id that an address or a form takes is looked up here."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.http import Http404

from conversations.models import Attachment, Conversation, Message, Role, ToolCall, User


def conversation_for(user: User, public_id: UUID) -> Conversation:
    """Return the conversation that `user` may read. Raises Http404: a stranger learns nothing."""
    found = Conversation.objects.visible_to(user).filter(public_id=public_id).select_related("model").first()
    if found is None:
        raise Http404
    return found


def deleted_conversation_for(user: User, public_id: UUID) -> Conversation:
    """Return the conversation that `user` deleted and may bring back. Raises Http404."""
    found = Conversation.objects.filter(owner=user, public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def message_for(user: User, public_id: UUID, *, role: Role | None = None) -> Message:
    """Return the message, its conversation beside it, of what `user` may read. Raises Http404."""
    readable = Conversation.objects.visible_to(user)
    found = Message.objects.filter(public_id=public_id, conversation__in=readable, deleted_at=None)
    if role:
        found = found.filter(role=role)
    message = found.select_related("conversation__model").first()
    if message is None:
        raise Http404
    return message


def tool_call_for(user: User, public_id: UUID) -> ToolCall:
    """Return the tool call of a conversation that `user` may read. Raises Http404."""
    readable = Conversation.objects.visible_to(user)
    found = ToolCall.objects.filter(
        public_id=public_id,
        generation__message__conversation__in=readable,
        generation__message__deleted_at=None,
    )
    call = found.select_related("generation__message__conversation").first()
    if call is None:
        raise Http404
    return call


def attachment_for(user: User, public_id: UUID) -> Attachment:
    """Return a draft of the person's own, or what a message carries that they may read. Raises Http404."""
    readable = Conversation.objects.visible_to(user)
    found = (
        Attachment.objects.filter(
            Q(message=None, owner=user) | Q(message__conversation__in=readable, message__deleted_at=None)
        )
        .filter(public_id=public_id)
        .select_related("file")
        .first()
    )
    if found is None:
        raise Http404
    return found
