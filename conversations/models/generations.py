"""The making of answers."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.gateway import Model
from conversations.models.messages import Message
from conversations.models.sends import Send


class GenerationState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting for an approval"
    SUCCEEDED = "succeeded", "Succeeded"
    STOPPED = "stopped", "Stopped"
    INTERRUPTED = "interrupted", "Interrupted"
    FAILED = "failed", "Failed"


class Hint(models.TextChoices):
    """How another version of an answer is to be; kept in the generation's parameters."""

    SHORTER = "shorter", "Shorter"
    LONGER = "longer", "Longer"
    SIMPLER = "simpler", "Simpler"
    CAREFUL = "careful", "More careful"


UNFINISHED = (GenerationState.QUEUED, GenerationState.RUNNING, GenerationState.WAITING)


class GenerationQuerySet(models.QuerySet["Generation"]):
    def unfinished(self) -> Self:
        return self.filter(state__in=UNFINISHED)


class Generation(models.Model):
    """One making of one answer. An answer that was continued has several."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="generations")
    attempt = models.PositiveIntegerField(default=1)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generations"
    )
    send = models.ForeignKey(Send, null=True, on_delete=models.SET_NULL, related_name="generations")
    model = models.ForeignKey(Model, null=True, on_delete=models.SET_NULL, related_name="+")
    model_name = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=GenerationState, default=GenerationState.QUEUED)
    finish_reason = models.CharField(max_length=60, blank=True)
    error_kind = models.CharField(max_length=40, blank=True)
    # A sentence for the person; what the gateway itself said is in error_detail.
    error_text = models.CharField(max_length=500, blank=True)
    error_detail = models.TextField(blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    # What went out with the last request, and what did not: generation.windows says which names it has.
    context = models.JSONField(default=dict, blank=True)
    # Steps up to this one are in the message's parts already; their events are gone.
    settled_seq = models.PositiveIntegerField(default=0)
    lease_owner = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    stop_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        constraints = [
            known_values("generation", "state", GenerationState),
            models.UniqueConstraint(fields=["message", "attempt"], name="generation_attempt_once"),
            models.UniqueConstraint(
                fields=["message"],
                condition=Q(state__in=UNFINISHED),
                name="generation_one_unfinished_per_message",
            ),
            models.CheckConstraint(
                name="generation_runs_under_a_lease",
                condition=Q(
                    state=GenerationState.RUNNING, lease_owner__isnull=False, lease_until__isnull=False
                )
                | ~Q(state=GenerationState.RUNNING) & Q(lease_owner=None, lease_until=None),
            ),
            models.CheckConstraint(
                name="generation_that_ended_has_a_time",
                condition=Q(state__in=UNFINISHED, ended_at=None)
                | ~Q(state__in=UNFINISHED) & Q(ended_at__isnull=False),
            ),
        ]
        indexes = [
            # For generation.claims.claim_next. Holds only the rows that wait.
            models.Index(
                fields=["created_at", "id"],
                name="generation_queue",
                condition=Q(state=GenerationState.QUEUED),
            ),
            # For services.marks. On `ended_at`: SQLite takes an index with a condition only where the query
            # says the very same, and a state is a parameter there.
            models.Index(
                fields=["message"], name="generation_unfinished", condition=Q(ended_at__isnull=True)
            ),
            # For generation.claims: what runs, per person and lease. Holds only what runs.
            models.Index(
                fields=["lease_until"],
                name="generation_leases",
                condition=Q(state=GenerationState.RUNNING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.model_name}"

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED


class GenerationEvent(models.Model):
    """One step of a running generation; its rows go when the generation has ended.

    `data` is what generation.steps documents: the text that came, and how a page shows it.
    """

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    data = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["generation", "seq"], name="generationevent_seq_once")]

    def __str__(self) -> str:
        return f"Event {self.seq} of generation {self.generation_id}"


class EngineProcess(models.Model):
    """A process that makes answers, as it last said itself. /readyz reads it; a lease names it."""

    boot_id = models.UUIDField(unique=True)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
