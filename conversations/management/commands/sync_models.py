"""Read the models of every usable gateway key, and say or do what that changes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from conversations.models import ModelProposal
from conversations.services import catalog, model_lists, model_proposals
from conversations.services.errors import Refused
from conversations.services.model_lists import Kind

_MARKS = {Kind.NEW: "+", Kind.CHANGED: "~", Kind.GONE: "-"}


class Command(BaseCommand):
    help = (
        "Read the model list of every enabled gateway key, and print what it would change. The first list of "
        "a key is taken over by itself; after it nothing changes without --apply, or an admin in the panel."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="Apply it all. New models come disabled.")

    def handle(self, *args: Any, **options: Any) -> None:
        results = catalog.sync_all()
        for result in results:
            style = self.style.WARNING if result.problem else self.style.SUCCESS
            self.stdout.write(style(f"{result.key_name}: {result.sentence}"))
        if not results:
            self.stdout.write(self.style.WARNING("No gateway key is enabled."))
        refused = [self._show(proposal, **options) for proposal in model_proposals.open_proposals()]
        if any(refused):
            raise CommandError("Not all of it could be applied.")

    def _show(self, proposal: ModelProposal, *, apply: bool, **options: Any) -> bool:
        """Print the difference, and apply it where that is wanted; return whether that was refused."""
        found = model_proposals.differences(proposal)
        self.stdout.write(f"{proposal.key}:")
        for row in found:
            self.stdout.write(f"  {_MARKS[row.kind]} {row.name}")
        if not apply:
            return False
        try:
            model_proposals.apply(proposal, by=None, seen=model_lists.mark_of(found))
        except Refused as refusal:
            self.stdout.write(self.style.WARNING(str(refusal)))
            return True
        self.stdout.write(self.style.SUCCESS("Applied."))
        return False
