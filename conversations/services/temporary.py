"""Temporary conversations: their text is erased a day after they began."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from conversations.models import Conversation
from conversations.services import site_settings, tree
from conversations.services.errors import Refused

LIFE = timedelta(days=1)
TITLE = "Temporary conversation"


def are_allowed() -> bool:
    """Return what the admins have set. One query."""
    return bool(site_settings.value_of(site_settings.TEMPORARY))


def ends_at(now: datetime | None = None) -> datetime:
    """Return when a conversation that begins now is erased. Raises Refused where none may begin."""
    if not are_allowed():
        raise Refused("Temporary conversations are not allowed here. Switch “Temporary” off, and send again.")
    return (now or timezone.now()) + LIFE


@transaction.atomic
def keep(conversation: Conversation) -> None:
    """Make a temporary conversation one that stays."""
    tree.touch(conversation, expires_at=None)
