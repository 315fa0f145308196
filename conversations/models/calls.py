"""Every HTTP request to ChainHub, whatever for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.gateway import GatewayKey, Model
from conversations.models.generations import Generation


class Purpose(models.TextChoices):
    ANSWER = "answer", "Answer"
    TITLE = "title", "Title"
    SUMMARY = "summary", "Summary"
    SYNC = "sync", "Model list"
    TEST = "test", "Test of a key"
    JOB = "job", "Job"


class UsageSource(models.TextChoices):
    NONE = "none", "Not told"
    GATEWAY = "gateway", "Told by the gateway"
    ESTIMATE = "estimate", "Estimated here"


class Call(models.Model):
    """One HTTP request, with its key, model, tokens and end. Never changed after its end.

    It survives the conversation that it paid for: names are kept beside the rows they point at.
    A token count that was not told is null, never 0. `input_tokens` includes the cached ones.
    """

    purpose = models.CharField(max_length=20, choices=Purpose)
    generation = models.ForeignKey(Generation, null=True, on_delete=models.SET_NULL, related_name="calls")
    attempt = models.PositiveIntegerField(default=1)
    key = models.ForeignKey(GatewayKey, null=True, on_delete=models.SET_NULL, related_name="calls")
    key_name = models.CharField(max_length=100)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="calls"
    )
    person_name = models.CharField(max_length=150, blank=True)
    model = models.ForeignKey(Model, null=True, on_delete=models.SET_NULL, related_name="calls")
    model_name = models.CharField(max_length=200, blank=True)
    model_answered = models.CharField(max_length=200, blank=True)
    wire = models.CharField(max_length=30, blank=True)
    status = models.PositiveIntegerField(null=True)
    request_id = models.CharField(max_length=200, blank=True)
    error_kind = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    first_token_ms = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveIntegerField(null=True)
    input_tokens = models.PositiveBigIntegerField(null=True)
    cached_tokens = models.PositiveBigIntegerField(null=True)
    cache_written_tokens = models.PositiveBigIntegerField(null=True)
    output_tokens = models.PositiveBigIntegerField(null=True)
    thinking_tokens = models.PositiveBigIntegerField(null=True)
    raw_usage = models.JSONField(null=True)
    images = models.PositiveIntegerField(null=True)
    media_ms = models.PositiveBigIntegerField(null=True)
    # The first of the person's groups by name when the call was made, so that sums by group equal rows.
    group_name = models.CharField(max_length=150, blank=True)
    # Nano-units; null: unpriced, which is not 0. The snapshot is the price as it was, whatever comes later.
    cost = models.PositiveBigIntegerField(null=True)
    currency = models.CharField(max_length=20, blank=True)
    price_snapshot = models.JSONField(null=True)
    usage_source = models.CharField(max_length=20, choices=UsageSource, default=UsageSource.NONE)

    class Meta:
        constraints = [
            known_values("call", "purpose", Purpose),
            known_values("call", "usage_source", UsageSource),
        ]
        indexes = [
            # For the key's page in the panel: its latest calls.
            models.Index(fields=["key", "-started_at"], name="call_of_key"),
            # For the list of calls in the panel, and a day of it.
            models.Index(fields=["-started_at", "-id"], name="call_newest"),
            # For services.calls.end_what_was_left: almost always empty.
            models.Index(fields=["started_at"], condition=models.Q(ended_at=None), name="call_unended"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.pk}"
