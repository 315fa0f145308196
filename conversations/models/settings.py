"""What admins set at run time."""

from __future__ import annotations

from django.db import models


class Setting(models.Model):
    """One named choice of the admins."""

    name = models.CharField(max_length=60, unique=True)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
