"""What people type and have not sent: the text at a composer, kept as they type. It is only its owner's."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from conversations.models import (
    Attachment,
    Conversation,
    Draft,
    PartKind,
    Send,
    SendKind,
    User,
    WaitingQuestion,
)
from conversations.services import accepting, files
from conversations.services.errors import Refused


def of(owner: User, conversation: Conversation | None) -> Draft | None:
    """Return the draft at a conversation's composer, or at the empty page's (None). One query."""
    rows = Draft.objects.filter(owner=owner, conversation=conversation)
    return rows.annotate(held=Count("attachments")).first()


def attachments_of(draft: Draft) -> list[Attachment]:
    """Return what a draft of `of` holds; without a query where that is nothing."""
    if not getattr(draft, "held", True):
        return []
    held = Attachment.objects.filter(draft=draft, message=None, waiting=None)
    return list(held.select_related("file").order_by("position", "id"))


@transaction.atomic
def save(
    owner: User,
    conversation: Conversation | None,
    *,
    text: str,
    model_name: str = "",
    ask_once: str = "",
    attachment_ids: Sequence[UUID] = (),
    known: int | None = None,
    send_id: UUID | None = None,
    forget_other: bool = False,
) -> Draft | None:
    """Keep what stands at a composer; return the draft, or None where nothing is left to keep.

    `known` is the revision that the page has: where it is another one, a text that would be lost becomes
    `other_text`. `send_id` is the one of the composer: what was sent with it meanwhile is no draft any more.
    Raises Refused for a text beyond MESSAGE_MAX_CHARACTERS.
    """
    if len(text) > settings.MESSAGE_MAX_CHARACTERS:
        raise Refused(f"Only {settings.MESSAGE_MAX_CHARACTERS:,} characters of a draft can be kept.")
    accepting.in_turn(owner)
    if send_id:
        text = _unsent(text, _sent_with(owner, send_id))
    draft = Draft.objects.select_for_update().filter(owner=owner, conversation=conversation).first()
    if draft is None:
        if not text.strip() and not files.drafts_of(owner, attachment_ids):
            return None
        draft = _new(owner, conversation)
    other = "" if forget_other else draft.other_text
    if known != draft.revision:
        other = _apart(other, draft.text, besides=text)
    before = (draft.text, draft.model_name, draft.ask_once, draft.other_text)
    now = (text, model_name, ask_once, other)
    draft.text, draft.model_name, draft.ask_once, draft.other_text = now
    is_changed = files.keep_at(draft, attachment_ids=attachment_ids) or before != now
    return _stored(draft) if is_changed else draft


def sent(owner: User, conversation: Conversation | None, *, text: str) -> None:
    """Take what was sent out of the draft; what was typed since stays. Inside the send's own transaction."""
    draft = Draft.objects.select_for_update().filter(owner=owner, conversation=conversation).first()
    if draft is None:
        return
    draft.text = _unsent(draft.text, text)
    draft.other_text = _unsent(draft.other_text, text)
    draft.ask_once = ""
    _stored(draft)


@transaction.atomic
def put_back(
    owner: User,
    conversation: Conversation | None,
    *,
    text: str,
    model_name: str = "",
    attachment_ids: Sequence[UUID] = (),
) -> None:
    """Add what could not be sent to the draft, below what stands there. Nothing of either is cut."""
    accepting.in_turn(owner)
    draft = Draft.objects.select_for_update().filter(owner=owner, conversation=conversation).first()
    draft = draft or _new(owner, conversation)
    if text not in draft.text:
        draft.text = f"{draft.text}\n\n{text}" if draft.text.strip() else text
    draft.model_name = model_name[:200] or draft.model_name
    files.keep_at(draft, attachment_ids=attachment_ids)
    _stored(draft)


def _new(owner: User, conversation: Conversation | None) -> Draft:
    # Its first revision is the time: a tab that knew an earlier draft can't take this one for it.
    now = timezone.now()
    return Draft.objects.create(
        owner=owner, conversation=conversation, revision=int(now.timestamp() * 1000), updated_at=now
    )


def _stored(draft: Draft) -> Draft | None:
    """Write a draft that changed, or remove it where nothing is left in it."""
    if not draft.text.strip() and not draft.other_text.strip() and not draft.attachments.exists():
        draft.delete()
        return None
    draft.revision += 1
    draft.updated_at = timezone.now()
    draft.save()
    return draft


def _sent_with(owner: User, send_id: UUID) -> str | None:
    """Return the text that was sent with this send id, or that waits in line with it; None: nothing was."""
    waiting = WaitingQuestion.objects.filter(author=owner, send_id=send_id).first()
    if waiting:
        return waiting.text
    send = Send.objects.filter(
        author=owner, send_id=send_id, kind__in=(SendKind.SEND, SendKind.COMPARE)
    ).first()
    if send is None or send.message is None:
        return None
    part = send.message.parts.filter(kind=PartKind.TEXT).first()
    return part.text if part else None


def _unsent(text: str, sent_text: str | None) -> str:
    """Return what of `text` was not sent: what was typed behind it, or all of another text."""
    if not sent_text:
        return text
    if text.startswith(sent_text):
        return text[len(sent_text) :].lstrip()
    return "" if sent_text.startswith(text) else text


def _apart(*texts: str, besides: str) -> str:
    """Return those of `texts` that are not the beginning of `besides`, one below the other."""
    lost = [text for text in dict.fromkeys(texts) if text.strip() and not besides.startswith(text)]
    joined = "\n\n".join(lost)
    return joined if len(joined) <= settings.MESSAGE_MAX_CHARACTERS else lost[-1]
