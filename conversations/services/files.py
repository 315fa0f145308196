"""Pictures that people and models put into conversations: drafts, their limits, and whose they are."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet, Sum
from django.utils import timezone

from conversations.models import Attachment, Draft, MadeBy, Message, StoredFile, User, WaitingQuestion
from conversations.services import pictures, stored_files
from conversations.services.errors import Refused
from conversations.services.pictures import Picture
from conversations.services.taking_turns import turn_of

_ADDRESS_LENGTH = 2000
_HOST = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9.])?|\[[0-9a-f:.]+\]", re.IGNORECASE)
_NAME_LENGTH = 120
_PICTURES_PER_ANSWER = 32
_GONE = "One of the pictures is no longer there. Remove it and attach it again."
# Longer than any upload takes: its bytes are written before its row is.
_UNUSED_LIFE = timedelta(hours=1)


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def store_picture(owner: User, *, upload: Readable, name: str) -> Attachment:
    """Clean a picture and keep it as a draft of `owner`. Raise Refused with the limit that it breaks."""
    _refuse_too_many_drafts(owner)
    with turn_of(owner.pk):
        picture = pictures.clean(_read(upload))
        return _keep(picture, owner=owner, name=_clean_name(name, picture))


def store_address(owner: User, url: str) -> Attachment:
    """Keep the address of a picture as a draft. It is never fetched from here; the gateway may."""
    host = _host_of(url)
    with transaction.atomic():
        _take_turns(owner)
        _refuse_too_many_drafts(owner)
        # Its name is its host: what the card shows.
        return Attachment.objects.create(owner=owner, source_url=url, name=host[:200])


def keep_picture_of_model(message: Message, content: bytes, declared: str) -> Attachment:
    """Attach a picture that a model returned to its answer. Raise Refused if it is no picture.

    The type that the model declared is not believed. Its pictures count towards the owner's storage,
    but are not refused for it: they are paid for.
    """
    taken = message.attachments.count()
    if taken >= _PICTURES_PER_ANSWER:
        raise Refused(f"One answer carries at most {_PICTURES_PER_ANSWER} pictures.")
    if len(content) > settings.ATTACHMENT_MAX_BYTES:
        raise Refused(_too_large())
    picture = pictures.clean(content)
    name = _clean_name(f"picture-{taken + 1}", picture)
    return _keep(picture, owner=message.conversation.owner, name=name, message=message)


def drafts_of(owner: User, ids: Sequence[UUID]) -> list[Attachment]:
    """Return those of `ids` that are still drafts of `owner`, in the order given."""
    drafts = _drafts(owner).filter(public_id__in=ids).select_related("file")
    found = {draft.public_id: draft for draft in drafts}
    return [found[public_id] for public_id in dict.fromkeys(ids) if public_id in found]


@transaction.atomic
def attach(message: Message, *, owner: User, attachment_ids: Sequence[UUID]) -> None:
    """Bind drafts to a question in the given order. Raise Refused, and bind none, if one is not to be had."""
    wanted = list(dict.fromkeys(attachment_ids))
    if len(wanted) > settings.ATTACHMENT_MAX_PER_MESSAGE:
        raise Refused(f"One message carries at most {settings.ATTACHMENT_MAX_PER_MESSAGE} pictures.")
    for position, public_id in enumerate(wanted):
        # Of two sends at once only one changes the row; the other is refused.
        draft = _drafts(owner).filter(public_id=public_id)
        if not draft.update(message=message, draft=None, position=position):
            raise Refused(_GONE)


@transaction.atomic
def hold(question: WaitingQuestion, *, attachment_ids: Sequence[UUID]) -> None:
    """Bind drafts to a question in line, as `attach` binds them to one that is sent. Raise Refused."""
    wanted = list(dict.fromkeys(attachment_ids))
    if len(wanted) > settings.ATTACHMENT_MAX_PER_MESSAGE:
        raise Refused(f"One message carries at most {settings.ATTACHMENT_MAX_PER_MESSAGE} pictures.")
    for position, public_id in enumerate(wanted):
        draft = _drafts(question.author_id).filter(public_id=public_id)
        if not draft.update(waiting=question, draft=None, position=position):
            raise Refused(_GONE)


def let_go(question: WaitingQuestion) -> tuple[UUID, ...]:
    """Make what a question in line carries drafts again, for whoever binds them next; return their ids."""
    held = Attachment.objects.filter(waiting=question).order_by("position", "id")
    ids = tuple(held.values_list("public_id", flat=True))
    if ids:
        held.update(waiting=None)
    return ids


def keep_at(draft: Draft, *, attachment_ids: Sequence[UUID]) -> bool:
    """Have the owner's pictures stay at a draft for as long as it lives; return whether that is news.

    What is not to be had, somebody else's too, is passed over.
    """
    wanted = list(dict.fromkeys(attachment_ids))[: settings.ATTACHMENT_MAX_DRAFTS]
    if not wanted:
        return False
    held = {row.public_id: row for row in _drafts(draft.owner_id).filter(public_id__in=wanted)}
    moved = [held[public_id] for public_id in wanted if public_id in held]
    moved = [row for place, row in enumerate(moved) if (row.draft_id, row.position) != (draft.pk, place)]
    for row in moved:
        row.draft, row.position = draft, wanted.index(row.public_id)
    Attachment.objects.bulk_update(moved, ["draft", "position"])
    return bool(moved)


def remove_draft(owner: User, public_id: UUID) -> None:
    """Remove a draft. Raise Refused if it was sent, waits in line, or is not `owner`'s."""
    deleted, _ = _drafts(owner).filter(public_id=public_id).delete()
    if not deleted:
        raise Refused("This picture was sent already. It stays with its message.")


def remove_stale_drafts(before: datetime) -> int:
    """Remove drafts that were made before `before`, held by no draft and no line; return how many."""
    free = Attachment.objects.filter(message=None, draft=None, waiting=None)
    deleted, _ = free.filter(created_at__lt=before).delete()
    return deleted


def _drafts(owner: User | int) -> QuerySet[Attachment]:
    """Return what `owner` may still send: no message has it, and no question in line."""
    return Attachment.objects.filter(owner=owner, message=None, waiting=None)


def remove_unused_files() -> int:
    """Remove files that nobody uses, with their bytes, once they are an hour old; return how many."""
    before = timezone.now() - _UNUSED_LIFE
    return stored_files.remove_unused(before=before) + stored_files.remove_strays(before=before)


def data_uri(stored: StoredFile) -> str:
    """Return the picture as models take it: of an animation the first frame. Raise Refused if it is lost."""
    opened = stored_files.open_picture(stored)
    if opened is None:
        raise Refused("A picture of this conversation is missing on the server. An admin sees it in the log.")
    with opened:
        content = pictures.first_frame(opened.read(), stored.media_type)
    return f"data:{stored.media_type};base64,{base64.b64encode(content).decode()}"


def _read(upload: Readable) -> bytes:
    content = upload.read(settings.ATTACHMENT_MAX_BYTES + 1)
    if len(content) > settings.ATTACHMENT_MAX_BYTES:
        raise Refused(_too_large())
    return content


def _too_large() -> str:
    return f"This file is too large. A picture may have at most {_megabytes(settings.ATTACHMENT_MAX_BYTES)}."


def _keep(picture: Picture, *, owner: User, name: str, message: Message | None = None) -> Attachment:
    # Written before the transaction: on SQLite nobody else could write while the disk works.
    known = StoredFile.objects.filter(sha256=stored_files.digest_of(picture)).first()
    written = None if known and stored_files.is_whole(known) else stored_files.write(picture)
    is_used = False
    try:
        with transaction.atomic():
            _take_turns(owner)
            if message is None:
                _refuse_too_many_drafts(owner)
                _refuse_over_quota(owner, picture)
            stored, is_used = _row_of(picture, written)
            attachment = Attachment.objects.create(
                owner=owner,
                message=message,
                file=stored,
                name=name,
                made_by=MadeBy.MODEL if message else MadeBy.PERSON,
                position=_next_position(message) if message else 0,
            )
    except BaseException:
        is_used = False
        raise
    finally:
        if written and not is_used:
            stored_files.erase(written)
    return attachment


def _row_of(picture: Picture, written: StoredFile | None) -> tuple[StoredFile, bool]:
    """Return the row of these bytes, and whether it is `written` that it names.

    The lock keeps remove_unused from deleting the row before the attachment stands.
    """
    rows = StoredFile.objects.select_for_update()
    if written is None:
        row = rows.filter(sha256=stored_files.digest_of(picture)).first()
        if row is None:  # removed as unused since we looked
            raise Refused("The server was just tidying up. Attach the picture again.")
        return row, False
    names = {"file": written.file.name, "thumbnail": written.thumbnail.name}
    measures = {
        "media_type": written.media_type,
        "size": written.size,
        "width": written.width,
        "height": written.height,
    }
    row, is_new = rows.get_or_create(sha256=written.sha256, defaults={**names, **measures})
    if not is_new and not stored_files.is_whole(row):
        # The storage had lost its bytes; here they are again.
        StoredFile.objects.filter(pk=row.pk).update(**names)
        return row, True
    return row, is_new


def _take_turns(owner: User) -> None:
    # Two uploads at once would both fit under the same limit. (SQLite's IMMEDIATE transaction does it too.)
    User.objects.select_for_update().get(pk=owner.pk)


def _refuse_too_many_drafts(owner: User) -> None:
    if Attachment.objects.filter(owner=owner, message=None).count() >= settings.ATTACHMENT_MAX_DRAFTS:
        raise Refused(
            f"{settings.ATTACHMENT_MAX_DRAFTS} of your pictures wait to be sent: "
            "send or remove some before you attach more."
        )


def _refuse_over_quota(owner: User, picture: Picture) -> None:
    others = StoredFile.objects.filter(attachments__owner=owner).distinct()
    others = others.exclude(sha256=stored_files.digest_of(picture))
    used = others.aggregate(total=Sum("size"))["total"] or 0
    if used + len(picture.content) > settings.STORAGE_MAX_BYTES_PER_PERSON:
        limit = _megabytes(settings.STORAGE_MAX_BYTES_PER_PERSON)
        raise Refused(f"Your pictures would take more than the {limit} that each person has.")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.10g} MB"


def _next_position(message: Message) -> int:
    last = message.attachments.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def _clean_name(name: str, picture: Picture) -> str:
    """Keep what is readable of a file's name, with the ending that its bytes deserve."""
    base = re.split(r"[/\\]", name)[-1]
    # No control characters, and none that turn the direction of writing: "gnp.exe" read backwards.
    readable = "".join(sign for sign in base if unicodedata.category(sign)[0] != "C")
    stem = readable.rpartition(".")[0] or readable
    return f"{stem.strip(' .')[:_NAME_LENGTH] or 'picture'}.{picture.extension}"


def _host_of(url: str) -> str:
    if len(url) > _ADDRESS_LENGTH:
        raise Refused(f"This address is too long: at most {_ADDRESS_LENGTH:,} characters are taken.")
    if any(sign.isspace() or not sign.isprintable() or sign in '\\"<>`{}|^' for sign in url):
        raise Refused("This address holds a space or another sign that no address may hold.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("This is not an address of a picture.") from None
    if parts.scheme not in ("http", "https"):
        raise Refused("The address of a picture begins with https:// or http://.")
    if "@" in parts.netloc:
        raise Refused("An address with a user name or password in it is not taken.")
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise Refused("The address names no host that could be asked for a picture.")
    return host
