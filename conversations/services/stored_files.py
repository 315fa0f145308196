"""Bytes in the storage: written whole or not at all, and taken away when nobody uses them."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from datetime import datetime

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from conversations.models import StoredFile
from conversations.services.errors import Refused
from conversations.services.pictures import Picture

logger = logging.getLogger(__name__)


def digest_of(picture: Picture) -> str:
    return hashlib.sha256(picture.content).hexdigest()


def write(picture: Picture) -> StoredFile:
    """Write the bytes and return the row for them, not saved yet. Raise Refused if the disk says no."""
    digest = digest_of(picture)
    # A name that nobody else writes: what is half-written can be removed without asking whose it is.
    stem = f"{digest[:2]}/{digest}-{secrets.token_hex(4)}"
    name, thumbnail = f"files/{stem}.{picture.extension}", f"thumbnails/{stem}.webp"
    try:
        default_storage.save(name, ContentFile(picture.content))
        default_storage.save(thumbnail, ContentFile(picture.thumbnail))
    except OSError as failure:
        _erase(name)
        _erase(thumbnail)
        logger.error("A picture could not be stored: %s", failure.strerror)
        raise Refused("The server could not store this picture. An admin sees why in its log.") from None
    return StoredFile(
        sha256=digest,
        file=name,
        thumbnail=thumbnail,
        media_type=picture.media_type,
        size=len(picture.content),
        width=picture.width,
        height=picture.height,
    )


def is_whole(stored: StoredFile) -> bool:
    return all(default_storage.exists(name) for name in _names_of(stored))


def erase(stored: StoredFile) -> None:
    """Remove the bytes, those that are there."""
    for name in _names_of(stored):
        _erase(name)


def open_picture(stored: StoredFile, *, thumbnail: bool = False) -> File | None:
    """Open the bytes, or return None (and tell the admin) where the storage has lost them."""
    name = _names_of(stored)[1 if thumbnail else 0]
    try:
        return default_storage.open(name)
    except OSError as failure:
        logger.error("Stored file %s cannot be opened: %s", name, failure.strerror)
        return None


def remove_unused(*, before: datetime) -> int:
    """Remove the files that no attachment uses and that are older than `before`; return how many."""
    unused = StoredFile.objects.filter(attachments=None, created_at__lt=before).order_by("id")
    return sum(remove_if_unused(stored) for stored in unused)


def remove_if_unused(stored: StoredFile) -> bool:
    """Remove a file and its bytes, unless an attachment uses it; return whether it went."""
    try:
        with transaction.atomic():
            deleted, _ = StoredFile.objects.filter(pk=stored.pk, attachments=None).delete()
    except (ProtectedError, IntegrityError):
        return False  # somebody has just attached the same bytes again
    if deleted:
        erase(stored)
    return bool(deleted)


def remove_strays(*, before: datetime) -> int:
    """Remove bytes older than `before` that no row names: what a killed server had begun to write."""
    removed = 0
    for folder, names in _written(before):
        kept = StoredFile.objects.filter(**{f"{folder}__in": names}).values_list(folder, flat=True)
        for name in set(names) - set(kept):
            _erase(name)
            removed += 1
    return removed


def _written(before: datetime) -> Iterator[tuple[str, list[str]]]:
    for field, folder in (("file", "files"), ("thumbnail", "thumbnails")):
        for inner in _inside(folder)[0]:
            names = [f"{folder}/{inner}/{name}" for name in _inside(f"{folder}/{inner}")[1]]
            yield field, [name for name in names if _is_older(name, before)]


def _is_older(name: str, before: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < before
    except OSError:  # it went while we looked
        return False


def _names_of(stored: StoredFile) -> tuple[str, str]:
    return str(stored.file), str(stored.thumbnail)


def _inside(folder: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(folder)
    except OSError:  # nothing was ever stored there
        return [], []


def _erase(name: str) -> None:
    try:
        default_storage.delete(name)
    except OSError as failure:
        logger.error("Stored file %s cannot be removed: %s", name, failure.strerror)
