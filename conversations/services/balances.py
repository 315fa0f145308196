"""What the gateway says is left on a key: asked every few minutes at most, kept for the panel's pages.

The account routes are limited by address (models-and-account.md, section 2), so that no page asks by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from conversations.models import GatewayKey, KeySource
from conversations.services import listings

# Whoever presses a button twice is told what was told before.
PAUSE = timedelta(minutes=3)
REFRESHED_EVERY = timedelta(minutes=15)


def look_up(key: GatewayKey, *, now: datetime | None = None) -> str:
    """Return what is left on `key` in a sentence, or "" where the gateway does not tell it plainly.

    Asks the gateway, unless somebody has in the last minutes. Never call it inside a transaction.
    """
    now = now or timezone.now()
    if key.source == KeySource.PRACTICE:
        return ""
    if _is_mine_to_ask(key, now, PAUSE):
        _ask(key)
    else:
        key.refresh_from_db(fields=["balance", "balance_at"])
    return key.balance


def refresh_next(now: datetime) -> bool:
    """Ask for the balance of one key whose balance is older than a quarter of an hour; False if none is.

    One at a time: a gateway that does not answer holds up whoever calls for some seconds.
    """
    usable = GatewayKey.objects.usable().exclude(source=KeySource.PRACTICE)
    due = usable.filter(Q(balance_at=None) | Q(balance_at__lte=now - REFRESHED_EVERY)).order_by("id").first()
    if due is None:
        return False
    if _is_mine_to_ask(due, now, REFRESHED_EVERY):
        _ask(due)
    return True


def _is_mine_to_ask(key: GatewayKey, now: datetime, pause: timedelta) -> bool:
    """Take the right to ask. Of several processes one gets it: whoever moves `balance_at` first."""
    asked_before = Q(balance_at=None) | Q(balance_at__lte=now - pause)
    won = GatewayKey.objects.filter(asked_before, pk=key.pk).update(balance_at=now)
    if won:
        key.balance_at = now
    return bool(won)


def _ask(key: GatewayKey) -> None:
    key.balance = listings.balance_of(key)[:200]
    # Only if the key is still the one that was asked about: its secret may have been replaced meanwhile.
    GatewayKey.objects.filter(pk=key.pk, ciphertext=key.ciphertext).update(balance=key.balance)
