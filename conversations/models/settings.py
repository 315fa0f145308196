"""What admins set at run time."""

from __future__ import annotations

from django.db import models


class Setting(models.Model):
    """One named choice of the admins."""

    name = models.CharField(max_length=60, unique=True)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        # What roles are made of: services.roles says who has which.
        permissions = [
            ("use_panel", "May open the admin panel"),
            ("manage_keys", "May change gateway keys"),
            ("manage_models", "May change models"),
            ("manage_prices", "May change prices"),
            ("manage_people", "May change people and groups"),
            ("manage_roles", "May give and take every role"),
            ("manage_tools", "May change tools and settings"),
            ("see_usage", "May see everybody's usage and cost"),
            ("see_audit", "May read the audit log"),
            ("review", "May review conversations"),
        ]

    def __str__(self) -> str:
        return self.name
