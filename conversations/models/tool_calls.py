"""What models asked of tools."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.conversations import Conversation
from conversations.models.generations import Generation
from conversations.models.messages import Part


class ToolCallState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting for an approval"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    DENIED = "denied", "Denied"
    STOPPED = "stopped", "Stopped"


class ToolCall(models.Model):
    """One request of a model to a tool, with its result. Each wire puts the result where it wants it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="tool_calls")
    part = models.OneToOneField(Part, on_delete=models.CASCADE, related_name="tool_call")
    round = models.PositiveIntegerField()
    position = models.PositiveIntegerField()
    # The wire's own id: not unique over turns.
    call_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200)
    arguments_text = models.TextField(blank=True)
    arguments = models.JSONField(null=True, blank=True)
    result = models.TextField(blank=True)
    error = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=ToolCallState, default=ToolCallState.QUEUED)
    is_repeatable = models.BooleanField(default=False)
    # Of the tool as it was offered: an approval is for this definition and no other.
    definition_hash = models.CharField(max_length=64, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known_values("toolcall", "state", ToolCallState),
            models.UniqueConstraint(fields=["generation", "round", "position"], name="toolcall_place_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_state_display()})"


class ToolApproval(models.Model):
    """A person lets one conversation use one tool, as it is defined, without being asked again."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="tool_approvals")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    definition_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "person", "name", "definition_hash"], name="toolapproval_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.conversation_id}"
