"""The composer that a page carries: its send id, its text, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.http import QueryDict
from django.urls import reverse

from conversations.forms.messages import MessageForm
from conversations.models import Attachment, Conversation, User
from conversations.services import files


@dataclass(frozen=True)
class Composer:
    action: str
    model_name: str = ""
    text: str = ""
    errors: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()
    tools: Sequence[str] = ()
    send_id: UUID = field(default_factory=uuid4)


def fresh(conversation: Conversation | None = None) -> Composer:
    """Return an empty composer; its send id is new."""
    if conversation is None:
        return Composer(reverse("conversations:send_first"))
    action = reverse("conversations:send", args=[conversation.public_id])
    model_name = conversation.model.name if conversation.model else ""
    return Composer(action, model_name=model_name, tools=conversation.parameters.get("tools", ()))


def refused(form: MessageForm, *, author: User, conversation: Conversation | None, why: str = "") -> Composer:
    """Return the composer with all that was typed, the reasons, and a new send id."""
    empty = fresh(conversation)
    errors = [why] if why else [str(message) for messages in form.errors.values() for message in messages]
    ids = form.cleaned_data.get("attachment_ids", ())
    return Composer(
        empty.action,
        model_name=form.data.get("model_name", ""),
        text=form.data.get("text", ""),
        errors=errors,
        tools=form.data.getlist("tools") if isinstance(form.data, QueryDict) else (),
        attachments=files.drafts_of(author, list(ids)),
    )
