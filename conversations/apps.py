"""The one app of the project."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConversationsConfig(AppConfig):
    name = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The one signal of the house: nothing else runs after each migration, of whichever command or test.
        post_migrate.connect(_after_migration, sender=self)


def _after_migration(using: str, plan: Any = (), **kwargs: Any) -> None:
    if any(backwards for _, backwards in plan):
        # On the way back the tables may be those of an older release.
        return
    # Named here, since no model is loaded yet when this module is.
    import_module("conversations.services.founding").ensure(using)
