"""Prompts to use again, and assistants: instructions under a name."""

from __future__ import annotations

import uuid
from typing import Self, TypeVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone

from conversations.models.gateway import Model
from conversations.models.users import User

_Row = TypeVar("_Row", bound=models.Model)


class SharedQuerySet(models.QuerySet[_Row]):
    def visible_to(self, user: User) -> Self:
        """One's own, and what is shared with everybody or with a group of one's own."""
        with_a_group = self.model._default_manager.filter(groups__user=user)
        shared = Q(is_for_everybody=True) | Q(pk__in=with_a_group.values("pk"))
        return self.filter(Q(owner=user) | shared, deleted_at=None)


class PromptQuerySet(SharedQuerySet["Prompt"]):
    pass


class AssistantQuerySet(SharedQuerySet["Assistant"]):
    pass


class Prompt(models.Model):
    """A text to send again, called with / and its name. {{words}} in it are variables to fill in."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="prompts")
    name = models.CharField(max_length=60)
    description = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    is_for_everybody = models.BooleanField(default=False)
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    objects = PromptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], condition=Q(deleted_at=None), name="prompt_name_once_per_owner"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Assistant(models.Model):
    """Instructions, a model, tools and questions to begin with, under a name; @ and the name ask it once."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assistants")
    name = models.CharField(max_length=60)
    description = models.CharField(max_length=200, blank=True)
    instructions = models.TextField(blank=True)
    model = models.ForeignKey(Model, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # Names of tools; what the acting person may not use is left out when it is used.
    tools = models.JSONField(default=list, blank=True)
    starter_questions = models.JSONField(default=list, blank=True)
    is_for_everybody = models.BooleanField(default=False)
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    objects = AssistantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], condition=Q(deleted_at=None), name="assistant_name_once_per_owner"
            )
        ]

    def __str__(self) -> str:
        return self.name
