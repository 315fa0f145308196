"""Sends that met a sign-in that had run out: kept for their author, and done once when they sign in again.

The page's form names its author in a signed field. Whoever has that field can have a question kept for its
author, and nothing else: it is read by nobody, and sent only after the author's own sign-in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from conversations.models import Conversation, PendingSend, User
from conversations.services import accepting, comparing, drafts
from conversations.services.errors import Refused

PER_PERSON = 10
_SALT = "conversations.pending_sends"
_PROOF_SALT = "conversations.pending_sends.proof"
_LIFE = 30 * 24 * 3600  # seconds


@dataclass
class Outcome:
    """What became of a person's kept sends: where to look, and why some were not sent."""

    conversation: Conversation | None = None
    problems: list[str] = field(default_factory=list)
    is_any: bool = False


# --- The signed field ------------------------------------------------------------------------------------


def sign(author: User) -> str:
    """Return the field that names the author of a form: good for 30 days, or until their password changes."""
    return signing.dumps([str(author.public_id), _proof(author)], salt=_SALT)


def names_another(person: User, signed: str) -> bool:
    """Say whether a form was made for somebody else than `person`. Without a query."""
    names = _read(signed)
    return names is not None and names[0] != person.public_id


def author_of(signed: str) -> User | None:
    """Return whom a signed field names, if they may still sign in as they did then."""
    if (names := _read(signed)) is None:
        return None
    author = User.objects.filter(public_id=names[0], is_active=True).first()
    return author if author and constant_time_compare(names[1], _proof(author)) else None


def _read(signed: str) -> tuple[UUID, str] | None:
    try:
        public_id, proof = signing.loads(signed, salt=_SALT, max_age=_LIFE)
        public_id = UUID(public_id)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None
    return public_id, str(proof)


def _proof(author: User) -> str:
    # Changes with the password: then what was signed before counts no more.
    return salted_hmac(_PROOF_SALT, author.get_session_auth_hash(), algorithm="sha256").hexdigest()[:32]


# --- Keeping ---------------------------------------------------------------------------------------------


@transaction.atomic
def keep(
    author: User,
    *,
    conversation_id: UUID | None,
    send_id: UUID,
    text: str,
    model_name: str,
    attachment_ids: Sequence[UUID],
    tools: list[str] | None,
    is_temporary: bool = False,
    assistant_id: UUID | None = None,
    ask_once: str = "",
    compare: Sequence[str] = (),
    lost_files: bool = False,
) -> None:
    """Keep a send for its author. `lost_files`: files came along that nobody may store without a sign-in.

    Raises Refused where ten wait already.
    """
    accepting.in_turn(author)
    others = PendingSend.objects.filter(author=author).exclude(send_id=send_id)
    if others.count() >= PER_PERSON:
        raise Refused(f"{PER_PERSON} messages wait for this sign-in already. Sign in, then send this one.")
    conversation, why = None, ""
    if conversation_id:
        mine = Conversation.objects.visible_to(author)
        conversation = mine.filter(public_id=conversation_id).first()
        why = "" if conversation else "The conversation of your message is gone: here is its text."
    if lost_files:
        why = "Your files could not be kept without a sign-in. Attach them again, then send."
    form = {
        "text": text,
        "model_name": model_name,
        "attachment_ids": [str(public_id) for public_id in attachment_ids],
        "tools": tools,
        "is_temporary": is_temporary,
        "assistant_id": str(assistant_id) if assistant_id else "",
        "ask_once": ask_once,
        "compare": list(compare),
        "why_not": why,
    }
    # Sent again with another text before the sign-in: the later one is meant.
    PendingSend.objects.update_or_create(
        author=author, send_id=send_id, defaults={"conversation": conversation, "form": form}
    )


# --- Doing -----------------------------------------------------------------------------------------------


def carry_out(author: User) -> Outcome:
    """Send what waits for a person who has just signed in, each once, oldest first.

    What is refused becomes the draft of its conversation, with the sentence in the outcome.
    """
    outcome = Outcome()
    for pending in PendingSend.objects.filter(author=author).select_related("conversation").order_by("id"):
        outcome.is_any = True
        why_not = pending.form["why_not"]
        if pending.conversation and pending.conversation.deleted_at:
            why_not = "The conversation of your message was deleted: here is its text."
        if not why_not:
            try:
                # The row goes last: a process that dies before sends it again, with the same send id.
                outcome.conversation = _send(pending)
                PendingSend.objects.filter(pk=pending.pk).delete()
                continue
            except Refused as refusal:
                why_not = f"Your message was not sent. {refusal}"
        outcome.conversation = _make_draft(pending)
        outcome.problems.append(why_not)
    return outcome


def expire(before: datetime) -> int:
    """Make drafts of what was kept before `before` and never called for; return how many.

    What belongs to somebody who may not sign in any more is removed.
    """
    old = PendingSend.objects.filter(created_at__lt=before)
    old.filter(author__is_active=False).delete()
    kept = list(old.select_related("conversation", "author").order_by("id"))
    for pending in kept:
        _make_draft(pending)
    return len(kept)


def _send(pending: PendingSend) -> Conversation:
    form = pending.form
    asked = comparing.send(
        pending.conversation,
        author=pending.author,
        send_id=pending.send_id,
        text=form["text"],
        model_name=form["model_name"],
        attachment_ids=_ids(pending),
        tools=form["tools"],
        is_temporary=form["is_temporary"],
        assistant_id=UUID(form["assistant_id"]) if form["assistant_id"] else None,
        ask_once=form["ask_once"],
        compare=form.get("compare", ()),
    )
    return asked.conversation


@transaction.atomic
def _make_draft(pending: PendingSend) -> Conversation | None:
    conversation = pending.conversation
    if conversation and conversation.deleted_at:
        conversation = None
    # Two sign-ins at once: whoever removes the row has the draft to write.
    deleted, _ = PendingSend.objects.filter(pk=pending.pk).delete()
    if deleted:
        drafts.put_back(
            pending.author,
            conversation,
            text=pending.form["text"],
            model_name=pending.form["model_name"],
            attachment_ids=_ids(pending),
        )
    return conversation


def _ids(pending: PendingSend) -> tuple[UUID, ...]:
    return tuple(UUID(public_id) for public_id in pending.form["attachment_ids"])
