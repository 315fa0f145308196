"""`manage.py rebuild_search`: make the search index anew, while the site runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from conversations.services import indexing


class Command(BaseCommand):
    help = (
        "Empty the search index and fill it anew, newest messages first, in small steps. The site may run; "
        "until the end search finds less. Interrupted, the engine goes on with it, or this with --resume."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--resume", action="store_true", help="Keep what is there, and only read in what is not yet."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["resume"]:
            indexing.begin_anew()
        done = 0
        while number := indexing.refresh():
            if done // 10_000 < (done + number) // 10_000:
                self.stdout.write(f"{done + number} entries…")
            done += number
        self.stdout.write(f"Done: {done} entries were read into the index.")
