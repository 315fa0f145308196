"""Run the practice gateway, an imitation of ChainHub on loopback."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversations import practice


class Command(BaseCommand):
    help = "Run the practice gateway: an imitation of ChainHub on loopback that answers without a key."
    # It has no part in the house: it starts whatever state the project is in.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8100, help="0 takes any free port (default: 8100)")
        parser.add_argument("--speed", type=float, default=1.0, help="2 makes every pause half as long")
        parser.add_argument("--key", help="the only key to accept; without it any key will do")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["speed"] <= 0:
            raise CommandError("--speed must be above 0")
        practice.serve(port=options["port"], speed=options["speed"], key=options["key"])
