"""Sealing the stored secrets anew, under the newest of ENCRYPTION_KEYS, while the site runs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from conversations.models import GatewayKey
from conversations.services import keys, sealing, traces


@dataclass(frozen=True)
class Unread:
    """A key whose secret could not be read, and the sentence that says why."""

    key_name: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """What `reencrypt_all` found and did; no secret is in it."""

    done: int = 0
    # Their secret was replaced while they were sealed anew: what was put in meanwhile stands.
    replaced: int = 0
    unread: tuple[Unread, ...] = ()
    # SQLite only: False where open readers kept the journal from being emptied.
    is_tidy: bool = True


def on_old_keys() -> QuerySet[GatewayKey]:
    """Return the keys that are sealed under another encryption key than the newest."""
    return GatewayKey.objects.exclude(ciphertext="").exclude(encryption_key_fingerprint=sealing.newest())


def reencrypt_all() -> Outcome:
    """Seal every secret anew that is not under the newest encryption key.

    Row by row, each with one conditional UPDATE: nobody waits for it, and a secret that an admin replaces
    at the same moment is not overwritten. Every process must know the newest encryption key before.
    """
    done, replaced, unread = 0, 0, []
    with traces.overwriting():
        for key in list(on_old_keys().order_by("name", "id")):
            try:
                won = keys.seal_anew(key)
            except keys.KeyUnreadable as fault:
                unread.append(Unread(key.name, str(fault)))
                continue
            done, replaced = done + won, replaced + (not won)
    return Outcome(done=done, replaced=replaced, unread=tuple(unread), is_tidy=traces.empty_the_journal())
