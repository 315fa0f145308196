"""Read the models of every usable gateway key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from conversations.services import catalog


class Command(BaseCommand):
    help = "Read the model list of every enabled gateway key, and bring the models up to date with it."

    def handle(self, *args: Any, **options: Any) -> None:
        results = catalog.sync_all()
        for result in results:
            style = self.style.WARNING if result.problem else self.style.SUCCESS
            self.stdout.write(style(f"{result.key_name}: {result.sentence}"))
        if not results:
            self.stdout.write(self.style.WARNING("No gateway key is enabled."))
