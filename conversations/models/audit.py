"""Who changed what, and what admins have to be told."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """One thing that somebody did. Only ever added to: triggers refuse a change and a deletion.

    It points at nobody by a foreign key, so that no deletion has to change it: numbers and names are kept.
    """

    at = models.DateTimeField(default=timezone.now)
    actor_pk = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150, blank=True)
    # One of services.audit.ACTIONS.
    action = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=60, blank=True)
    subject_pk = models.CharField(max_length=40, blank=True)
    subject_name = models.CharField(max_length=200, blank=True)
    # {field: [before, after]}; of a secret only that it changed.
    changes = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            # For the page in the panel: newest first, and filtered by what or by whom.
            models.Index(fields=["-at", "-id"], name="auditentry_newest"),
            models.Index(fields=["action", "-at"], name="auditentry_by_action"),
            models.Index(fields=["actor_pk", "-at"], name="auditentry_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name or 'nobody'}"


class Alert(models.Model):
    """Something that admins have to look at: shown on the panel's first page, and sent by mail."""

    # What it is about, for example "no_key:gpt-4o": the same again is the same row while it is open.
    topic = models.CharField(max_length=200)
    text = models.CharField(max_length=500)
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic"], condition=models.Q(closed_at=None), name="alert_open_once"
            )
        ]

    def __str__(self) -> str:
        return self.topic
