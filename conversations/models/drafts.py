"""What people typed and have not sent, and what waits in line to be sent."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.models.conversations import Conversation
from conversations.models.messages import Message


class Draft(models.Model):
    """The text at the composer of one conversation, or of the empty page. Its attachments point at it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.CASCADE, related_name="drafts")
    text = models.TextField(blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    # Whom the question is to be asked of once, as services.assistants.Once.key has it.
    ask_once = models.CharField(max_length=220, blank=True)
    # What another tab had written when this text took its place: offered until it is taken or put away.
    other_text = models.TextField(blank=True)
    # Grows with each change: of two tabs that type at once, the later one is told.
    revision = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "conversation"], name="draft_one_per_conversation"),
            models.UniqueConstraint(
                fields=["owner"], condition=Q(conversation=None), name="draft_one_for_the_empty_page"
            ),
        ]

    def __str__(self) -> str:
        return f"Draft of {self.owner_id}"


class WaitingQuestion(models.Model):
    """A question in line: it is sent, with its own send id, when the answers before it have ended."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="line")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    send_id = models.UUIDField()
    # Of what was sent, as Send has it: the same send again is known also after a change of the text.
    digest = models.CharField(max_length=64)
    text = models.TextField(blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    # As sending.send_message takes them: null leaves the conversation's tools as they are.
    tools = models.JSONField(null=True)
    # Whom it asks once: {"key": as services.assistants.Once.key has it, "name": as people read it}.
    ask_once = models.JSONField(null=True)
    # The end of the branch that it was asked on. Where another branch is shown, the line stands.
    after = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    position = models.PositiveIntegerField()
    # Taken out of the line by a person, who may undo it for a while.
    removed_at = models.DateTimeField(null=True)
    # Why it could not be sent, in words for the person; the line stands until they change or remove it.
    problem = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["author", "send_id"], name="waitingquestion_once_per_author")
        ]
        indexes = [
            # For lines.next_of: who is first.
            models.Index(fields=["conversation", "position", "id"], name="waitingquestion_line")
        ]

    def __str__(self) -> str:
        return f"Waiting {self.send_id}"


class PendingSend(models.Model):
    """A send that met a sign-in that had run out: done, once, when its author signs in again.

    The form named its author in a signed field; nobody else's sign-in ever reads it.
    """

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    send_id = models.UUIDField()
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.CASCADE, related_name="+")
    # The form's fields as they came: text, model, attachments, tools.
    form = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["author", "send_id"], name="pendingsend_once_per_author")
        ]

    def __str__(self) -> str:
        return f"Pending {self.send_id}"
