"""Answers side by side, and what stands for the oldest turns of a long conversation."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.models.messages import Message


class Comparison(models.Model):
    """One question to several models side by side. Its answers are versions of each other.

    Which one was chosen to go on with is kept as a signal.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    question = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="comparisons")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    chosen = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    chosen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Comparison {self.public_id}"


class Summary(models.Model):
    """What a model wrote of a branch's oldest turns: sent in their place where the context is too small."""

    # The last message that it stands for: with its branch above it, that says which ones.
    up_to = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="summaries")
    text = models.TextField()
    model_name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Summary up to {self.up_to_id}"
