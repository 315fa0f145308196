"""People."""

from __future__ import annotations

import uuid
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models

from conversations.models.constraints import known_values


class Theme(models.TextChoices):
    SYSTEM = "system", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class User(AbstractUser):
    """A person who signs in."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    time_zone = models.CharField(
        max_length=64, blank=True, help_text="An IANA name such as Europe/Berlin. Empty: the site's."
    )
    theme = models.CharField(max_length=10, choices=Theme, default=Theme.SYSTEM)
    # `notify`: whether a finished long answer may say so outside of the page.
    preferences = models.JSONField(default=dict, blank=True)
    # When what the sidebar lists for this person last changed: what an open page compares itself with.
    list_changed_at = models.DateTimeField(null=True, editable=False)

    class Meta(AbstractUser.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [known_values("user", "theme", Theme)]

    def __str__(self) -> str:
        return self.get_username()

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which this person's days begin."""
        return ZoneInfo(self.time_zone or settings.TIME_ZONE)

    @property
    def list_version(self) -> str:
        """Which state of the sidebar's list a page has; empty before its first change."""
        return self.list_changed_at.isoformat() if self.list_changed_at else ""

    @property
    def shown_name(self) -> str:
        return self.get_full_name() or self.get_username()
