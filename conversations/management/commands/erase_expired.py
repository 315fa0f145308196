"""Erase the temporary conversations whose time has come, and what the database file still holds of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from conversations.services import erasing, traces


class Command(BaseCommand):
    help = (
        "Erase the temporary conversations that have ended. The engine does so every hour by itself; this "
        "command also writes the database file anew (SQLite), so that no free page holds their text."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        number = 0
        while erased := erasing.erase_expired(timezone.now()):
            number += erased
        self.stdout.write(f"Erased: {number}.")
        if not traces.rebuild():
            self.stderr.write(
                self.style.WARNING("The database is in use and was not written anew: run this once more.")
            )
