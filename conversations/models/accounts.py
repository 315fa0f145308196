"""How people get in, and what is known of their open sign-ins."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone


class InviteQuerySet(models.QuerySet["Invite"]):
    def open(self, *, now: datetime) -> Self:
        """Invites that somebody may still follow."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=now)


class Invite(models.Model):
    """A link that lets one person make their account, once, until it ends."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # SHA-256 of what the link carries: whoever reads the table can't follow it.
    token_hash = models.CharField(max_length=64, unique=True)
    email = models.EmailField("mail address", blank=True)
    # A role's name, as services.roles lists them.
    role = models.CharField(max_length=20)
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)

    objects = InviteQuerySet.as_manager()

    def __str__(self) -> str:
        return self.email or f"Invite {self.public_id}"


class SignIn(models.Model):
    """One open sign-in of a person: which browser, from where, last seen when."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_ins")
    # The key of Django's session row: deleting that one ends the sign-in.
    session_key = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=45, blank=True)
    browser = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["person", "-seen_at"], name="signin_of_person")]

    def __str__(self) -> str:
        return f"{self.person_id} from {self.address}"


class ResetRequest(models.Model):
    """Somebody asked for a mail to set a new password: what services.resets counts, for a day."""

    # Keyed hash of the mail address, known or not: the table is no list of who was looked for.
    address_hash = models.CharField(max_length=64)
    # The address on the network that asked.
    client = models.CharField(max_length=45, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["address_hash", "created_at"], name="resetrequest_by_address"),
            models.Index(fields=["client", "created_at"], name="resetrequest_by_client"),
        ]

    def __str__(self) -> str:
        return f"Reset asked from {self.client}"
