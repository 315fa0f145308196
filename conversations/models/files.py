"""Bytes, stored once, and their use by messages, drafts and answers."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.messages import Message


class MadeBy(models.TextChoices):
    PERSON = "person", "A person"
    MODEL = "model", "A model"
    TOOL = "tool", "A tool"


class StoredFile(models.Model):
    """Bytes in the storage, once per content."""

    sha256 = models.CharField(max_length=64, unique=True)
    # Name in the storage, not a path of a person's machine.
    file = models.FileField(upload_to="files", max_length=200)
    thumbnail = models.FileField(upload_to="thumbnails", max_length=200, blank=True)
    # Decided by the bytes, never by a name or a header.
    media_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.media_type} {self.sha256[:12]}"


class Attachment(models.Model):
    """A file that a message carries, or a draft of its owner while `message` is empty."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="attachments")
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="attachments")
    # Whose composer it waits at, or which question in line carries it; both empty once a message does.
    draft = models.ForeignKey(
        "conversations.Draft", null=True, on_delete=models.SET_NULL, related_name="attachments"
    )
    waiting = models.ForeignKey(
        "conversations.WaitingQuestion", null=True, on_delete=models.SET_NULL, related_name="attachments"
    )
    file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="attachments")
    source_url = models.CharField(max_length=2000, blank=True)
    name = models.CharField(max_length=200, blank=True)
    made_by = models.CharField(max_length=20, choices=MadeBy, default=MadeBy.PERSON)
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            known_values("attachment", "made_by", MadeBy),
            models.CheckConstraint(
                name="attachment_is_a_file_or_an_address",
                condition=Q(file__isnull=False, source_url="") | Q(file=None) & ~Q(source_url=""),
            ),
        ]
        indexes = [
            # For files.remove_stale_drafts and the count of a person's drafts.
            models.Index(fields=["owner", "created_at"], name="attachment_drafts", condition=Q(message=None)),
        ]

    def __str__(self) -> str:
        return self.name or str(self.public_id)
