"""Constraints that several tables share."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


def known_values(model: str, field: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    """Let `field` hold nothing but the values of `choices`, whoever writes the row."""
    return models.CheckConstraint(
        name=f"{model}_{field}_is_known", condition=Q(**{f"{field}__in": choices.values})
    )
