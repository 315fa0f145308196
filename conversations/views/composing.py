"""The composer that a page carries: its send id, its text, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from django.http import QueryDict
from django.urls import reverse

from conversations.forms.messages import MessageForm
from conversations.models import Attachment, Conversation, User
from conversations.services import assistants, drafts, files


@dataclass(frozen=True)
class Composer:
    action: str
    model_name: str = ""
    text: str = ""
    errors: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()
    tools: Sequence[str] = ()
    # Where the page keeps what is being typed, how far it knows it, and what another tab had written.
    draft_url: str = ""
    draft_revision: int = 0
    other_text: str = ""
    # The assistant that a new conversation begins with, and who is asked this one question.
    opening: assistants.Opening | None = None
    once: assistants.Once | None = None
    # The models that answer beside the chosen one.
    compare: Sequence[str] = ()
    send_id: UUID = field(default_factory=uuid4)


def fresh(conversation: Conversation | None = None, opening: assistants.Opening | None = None) -> Composer:
    """Return an empty composer, preset by the assistant of a new conversation; its send id is new."""
    if conversation is None:
        return Composer(
            reverse("conversations:send_first"),
            model_name=opening.model.name if opening and opening.model else "",
            tools=opening.assistant.tools if opening else (),
            draft_url=reverse("conversations:new_draft"),
            opening=opening,
        )
    return Composer(
        reverse("conversations:send", args=[conversation.public_id]),
        model_name=conversation.model.name if conversation.model else "",
        tools=conversation.parameters.get("tools", ()),
        draft_url=reverse("conversations:draft", args=[conversation.public_id]),
    )


def drafted(
    owner: User, conversation: Conversation | None = None, *, opening: assistants.Opening | None = None
) -> Composer:
    """Return the composer with what `owner` has typed there and not sent. One query, two with pictures."""
    empty, draft = fresh(conversation, opening), drafts.of(owner, conversation)
    if draft is None:
        return empty
    return replace(
        empty,
        model_name=empty.model_name if opening else draft.model_name or empty.model_name,
        text=draft.text,
        attachments=drafts.attachments_of(draft),
        draft_revision=draft.revision,
        other_text=draft.other_text,
        once=once_of(owner, draft.ask_once),
    )


def refused(form: MessageForm, *, author: User, conversation: Conversation | None, why: str = "") -> Composer:
    """Return the composer with all that was typed, the reasons, and a new send id."""
    opening = _opening(author, form.cleaned_data.get("assistant_id"))
    empty, draft = fresh(conversation, opening), drafts.of(author, conversation)
    errors = [why] if why else [str(message) for messages in form.errors.values() for message in messages]
    ids = form.cleaned_data.get("attachment_ids", ())
    return replace(
        empty,
        model_name=form.data.get("model_name", ""),
        text=form.data.get("text", ""),
        errors=errors,
        tools=form.data.getlist("tools") if isinstance(form.data, QueryDict) else (),
        attachments=files.drafts_of(author, list(ids)),
        draft_revision=draft.revision if draft else 0,
        other_text=draft.other_text if draft else "",
        once=once_of(author, form.cleaned_data.get("ask_once", "")),
        compare=form.cleaned_data.get("compare", ()),
    )


def once_of(person: User, key: str) -> assistants.Once | None:
    """Return whom a draft or a form asks once; None for nobody, and for what may not be asked any more."""
    try:
        return assistants.once_of(person, key)
    except assistants.Gone:
        return None


def _opening(person: User, public_id: UUID | None) -> assistants.Opening | None:
    try:
        return assistants.to_begin_with(person, public_id) if public_id else None
    except assistants.Gone:
        return None
