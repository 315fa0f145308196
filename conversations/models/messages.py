"""Messages and their parts."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.conversations import Conversation


class Role(models.TextChoices):
    USER = "user", "Question"
    ASSISTANT = "assistant", "Answer"


class PartKind(models.TextChoices):
    TEXT = "text", "Text"
    THINKING = "thinking", "Thinking"
    TOOL_CALL = "tool_call", "Tool call"
    CITATION = "citation", "Citation"
    REFUSAL = "refusal", "Refusal"
    OPAQUE = "opaque", "What the provider wants back untouched"
    DISCARDED = "discarded", "What a restarted stream had said"


class Message(models.Model):
    """One entry of a conversation. Its content is its parts; siblings are versions of each other."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    # PROTECT: a cascade along a long branch recurses to death. Conversations are erased as a whole.
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    depth = models.PositiveIntegerField()
    role = models.CharField(max_length=20, choices=Role)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="messages"
    )
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)
    # The messages of one branch that were deleted together come back together.
    deletion = models.UUIDField(null=True)
    # Where one was when this version was last shown: the pager leads back there.
    shown_leaf = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    # Always sent, however long the conversation.
    pinned_at = models.DateTimeField(null=True)
    comparison = models.ForeignKey(
        "conversations.Comparison", null=True, on_delete=models.SET_NULL, related_name="answers"
    )
    # An estimate, made when the message became final; null: not counted yet.
    tokens = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            known_values("message", "role", Role),
            models.CheckConstraint(
                name="message_author_is_a_person",
                condition=Q(role=Role.USER, author__isnull=False) | Q(role=Role.ASSISTANT, author=None),
            ),
            models.CheckConstraint(
                name="message_root_has_no_depth",
                condition=Q(parent=None, depth=0) | Q(parent__isnull=False, depth__gt=0),
            ),
        ]
        indexes = [
            # For tree.versions_of: the siblings of a message, oldest first.
            models.Index(fields=["conversation", "parent", "id"], name="message_siblings"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.public_id}"


class Part(models.Model):
    """One ordered piece of a message."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="parts")
    # Which making of the answer said it: where an answer was continued, the seam shows here.
    generation = models.ForeignKey(
        "conversations.Generation", null=True, on_delete=models.SET_NULL, related_name="parts"
    )
    position = models.PositiveIntegerField()
    round = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=20, choices=PartKind)
    text = models.TextField(blank=True)
    # What a provider wants back untouched, and the wire that it belongs to.
    opaque = models.JSONField(null=True, blank=True)
    wire = models.CharField(max_length=30, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Derived from `text`; made again where html_version is not that of conversations.rendering.
    html = models.TextField(blank=True)
    html_version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            known_values("part", "kind", PartKind),
            models.UniqueConstraint(fields=["message", "position"], name="part_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.position} of {self.message_id}"
