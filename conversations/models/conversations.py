"""Conversations: trees of messages with an owner."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.gateway import Model
from conversations.models.users import User


class TitleSource(models.TextChoices):
    FIRST_WORDS = "first_words", "The question's first words"
    MODEL = "model", "A model"
    PERSON = "person", "A person"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: User) -> Self:
        """What `user` may read. Every view and tool finds conversations through this method."""
        kept = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(kept, owner=user, deleted_at=None)

    def for_sidebar(self) -> Self:
        """Latest activity first: walks the index conversation_sidebar, one query however many rows."""
        return self.filter(deleted_at=None, archived_at=None).order_by("-active_at", "-id")


class Conversation(models.Model):
    """A tree of messages; `current_leaf` is the end of the branch that is shown."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="conversations"
    )
    title = models.CharField(max_length=200, blank=True)
    title_source = models.CharField(max_length=20, choices=TitleSource, default=TitleSource.FIRST_WORDS)
    current_leaf = models.ForeignKey(
        "conversations.Message", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    model = models.ForeignKey(Model, null=True, on_delete=models.SET_NULL, related_name="+")
    # system (text), temperature, max_tokens, reasoning_effort: each absent where nobody set it.
    parameters = models.JSONField(default=dict, blank=True)
    active_at = models.DateTimeField(default=timezone.now)
    # Grows by one in each transaction that changes the tree, the title or the settings: what an open
    # page compares itself with.
    revision = models.PositiveBigIntegerField(default=0)
    pinned_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    # The message of another conversation that this one was forked from.
    forked_from = models.ForeignKey(
        "conversations.Message", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    assistant = models.ForeignKey(
        "conversations.Assistant", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Temporary: its text goes at this time. Null: it is kept.
    expires_at = models.DateTimeField(null=True, blank=True)
    # When an answer last ended, and when its owner last had it open: unread lies between them.
    answered_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        constraints = [known_values("conversation", "title_source", TitleSource)]
        indexes = [
            # For for_sidebar. Holds only what a sidebar may show.
            models.Index(
                fields=["owner", "-active_at", "-id"],
                name="conversation_sidebar",
                condition=Q(deleted_at=None),
            ),
            # For the erasing of temporary conversations. Holds only those.
            models.Index(
                fields=["expires_at"], name="conversation_temporary", condition=Q(expires_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"

    def get_absolute_url(self) -> str:
        return reverse("conversations:detail", args=[self.public_id])
