"""Seal the stored secrets under the newest of ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from conversations.services import reencryption


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew under the newest (first) of ENCRYPTION_KEYS, while the site runs. "
        "Restart the site with the new encryption key first in the list before, so that it can read them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Only count the secrets that are on old encryption keys."
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            self._check()
        else:
            self._reencrypt()

    def _check(self) -> None:
        waiting = reencryption.on_old_keys().count()
        if waiting:
            raise CommandError(f"On old encryption keys: {waiting}.", returncode=1)
        self.stdout.write("On old encryption keys: 0. The old ones are not needed any more.")

    def _reencrypt(self) -> None:
        outcome = reencryption.reencrypt_all()
        self.stdout.write(f"Encrypted anew: {outcome.done}.")
        if outcome.replaced:
            self.stdout.write(f"Replaced by somebody meanwhile, and left as they are: {outcome.replaced}.")
        for unread in outcome.unread:
            self.stderr.write(self.style.ERROR(f"Not encrypted anew: {unread.why}"))
        if not outcome.is_tidy:
            self.stderr.write(
                self.style.WARNING(
                    "The database's journal was in use and still holds the old ciphertexts: "
                    "it is overwritten in time, or run this once more when few people are there."
                )
            )
        waiting = reencryption.on_old_keys().count()
        if waiting:
            raise CommandError(f"Still on old encryption keys: {waiting}. Keep those encryption keys.")
        self.stdout.write("No secret is on an old encryption key: they can be removed from ENCRYPTION_KEYS.")
