"""Who may reach what. Every id that an address or a form takes is looked up here."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.http import Http404

from conversations.models import (
    Assistant,
    Attachment,
    Comparison,
    Conversation,
    Message,
    Prompt,
    Role,
    SignIn,
    ToolCall,
    User,
    WaitingQuestion,
)


def conversation_for(user: User, public_id: UUID) -> Conversation:
    """Return the conversation that `user` may read. Raises Http404: a stranger learns nothing."""
    found = Conversation.objects.visible_to(user).filter(public_id=public_id).select_related("model").first()
    if found is None:
        raise Http404
    return found


def origin_of(user: User, conversation: Conversation) -> Message | None:
    """Return the message that the conversation was forked from, while `user` may read it."""
    if conversation.forked_from_id is None:
        return None
    readable = Conversation.objects.visible_to(user)
    found = Message.objects.filter(pk=conversation.forked_from_id, conversation__in=readable, deleted_at=None)
    return found.select_related("conversation").first()


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


def comparison_for(user: User, public_id: UUID) -> Comparison:
    """Return a comparison, question and conversation beside it, of what `user` may read. Raises Http404."""
    found = Comparison.objects.filter(
        public_id=public_id,
        question__conversation__in=Conversation.objects.visible_to(user),
        question__deleted_at=None,
    )
    comparison = found.select_related("question__conversation__model").first()
    if comparison is None:
        raise Http404
    return comparison


def message_in(conversation: Conversation, public_id: UUID) -> Message | None:
    """Return a message of a conversation that was looked up here; None where it has no such message."""
    return Message.objects.filter(conversation=conversation, public_id=public_id, deleted_at=None).first()


def waiting_question_for(user: User, public_id: UUID) -> WaitingQuestion:
    """Return a question in line of what `user` may read. Raises Http404, also once it is sent."""
    found = WaitingQuestion.objects.filter(
        public_id=public_id, conversation__in=Conversation.objects.visible_to(user), removed_at=None
    )
    waiting = found.select_related("conversation").first()
    if waiting is None:
        raise Http404
    return waiting


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


def sign_in_for(user: User, public_id: UUID) -> SignIn:
    """Return one of the user's own open sign-ins. Raises Http404."""
    found = SignIn.objects.filter(person=user, public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def prompt_for(user: User, public_id: UUID) -> Prompt:
    """Return a prompt of the user's own, or one that is shared with them. Raises Http404."""
    found = Prompt.objects.visible_to(user).filter(public_id=public_id).select_related("owner").first()
    if found is None:
        raise Http404
    return found


def own_prompt_for(user: User, public_id: UUID, *, is_deleted: bool = False) -> Prompt:
    """Return a prompt that `user` may change; `is_deleted`: or bring back. Raises Http404."""
    found = Prompt.objects.filter(owner=user, public_id=public_id).select_related("owner").first()
    if found is None or found.deleted_at and not is_deleted:
        raise Http404
    return found


def assistant_for(user: User, public_id: UUID) -> Assistant:
    """Return an assistant of the user's own, or one that is shared with them. Raises Http404."""
    found = Assistant.objects.visible_to(user).filter(public_id=public_id)
    assistant = found.select_related("owner", "model").first()
    if assistant is None:
        raise Http404
    return assistant


def own_assistant_for(user: User, public_id: UUID, *, is_deleted: bool = False) -> Assistant:
    """Return an assistant that `user` may change; `is_deleted`: or bring back. Raises Http404."""
    found = Assistant.objects.filter(owner=user, public_id=public_id).select_related("owner", "model").first()
    if found is None or found.deleted_at and not is_deleted:
        raise Http404
    return found
