"""The log of what people asked for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.conversations import Conversation
from conversations.models.messages import Message


class SendKind(models.TextChoices):
    SEND = "send", "Send"
    REGENERATE = "regenerate", "Regenerate"
    RETRY = "retry", "Retry"
    EDIT = "edit", "Edit"
    CONTINUE = "continue", "Continue"
    APPROVE = "approve", "Approve"
    FORK = "fork", "Fork"
    COMPARE = "compare", "Compare"


class Send(models.Model):
    """One accepted request of a person to do something. The same one again does nothing new."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sends")
    # Made by the page. Unique per author: nobody can block or read another person's.
    send_id = models.UUIDField()
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=20, choices=SendKind)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="sends")
    # What it made: the question of a send or an edit, the answer of a regenerate, retry or continue.
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            known_values("send", "kind", SendKind),
            models.UniqueConstraint(fields=["author", "send_id"], name="send_once_per_author"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.send_id}"
