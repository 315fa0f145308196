"""Work that nobody waits for: model lists of new keys, the practice gateway, drafts that were forgotten."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from conversations.generation import practice_process
from conversations.models import GatewayKey, Generation, GenerationEvent, KeySource
from conversations.models.generations import UNFINISHED
from conversations.services import (
    alerts,
    balances,
    calls,
    catalog,
    erasing,
    files,
    gateway,
    keys,
    library,
    lines,
    pending_sends,
    price_import,
    rearranging,
)
from conversations.services.errors import Refused
from conversations.tools import offering

logger = logging.getLogger(__name__)

_EVERY = 1.0
_TIDY_EVERY = 3600.0
_TELL_EVERY = 60.0
_DRAFT_LIFE = timedelta(days=2)
_UNDO_LIFE = timedelta(days=1)
# Prompts and assistants: written with care, and missed late.
_SHELF_UNDO_LIFE = timedelta(days=30)
_PENDING_LIFE = timedelta(days=7)


class Housekeeping(threading.Thread):
    """Looks once a second, or when woken, at what an admin changed."""

    def __init__(self, ending: threading.Event) -> None:
        super().__init__(name="engine-housekeeping", daemon=True)
        self._ending = ending
        self._woken = threading.Event()
        self._practice = practice_process.PracticeProcess()
        self._tidied = time.monotonic()
        self._told = time.monotonic()

    def wake(self) -> None:
        self._woken.set()

    def run(self) -> None:
        self._guarded(keys.follow_environment)
        self._guarded(offering.remember_new_tools)
        if not settings.PRACTICE_GATEWAY:
            self._guarded(keys.retire_practice_key)
        while not self._ending.is_set():
            self._guarded(self._mind_the_practice_gateway)
            self._guarded(self._sync_what_needs_it)
            self._guarded(self._go_on_with_the_lines)
            self._guarded(self._look_at_a_balance)
            if time.monotonic() - self._tidied > _TIDY_EVERY:
                self._tidied = time.monotonic()
                self._guarded(self._tidy)
            if time.monotonic() - self._told > _TELL_EVERY:
                self._told = time.monotonic()
                self._guarded(self._tell_admins)
                self._guarded(price_import.read_what_is_due)
            self._woken.wait(_EVERY)
            self._woken.clear()
        self._practice.stop()
        close_old_connections()

    def _mind_the_practice_gateway(self) -> None:
        """Run it while there is no other key, and only then."""
        if not practice_process.is_wanted():
            if self._practice.is_running:
                self._practice.stop()
                gateway.set_practice_address(None)
            return
        if not self._practice.is_running:
            key = keys.ensure_practice_key()
            gateway.set_practice_address(self._practice.start())
            GatewayKey.objects.filter(pk=key.pk).update(synced_at=None)

    def _sync_what_needs_it(self) -> None:
        for key in GatewayKey.objects.usable():
            if self._ending.is_set():
                return
            if catalog.needs_sync(key, timezone.now()) and self._can_be_reached(key):
                catalog.sync_key(key, is_daily=True)

    @staticmethod
    def _look_at_a_balance() -> None:
        balances.refresh_next(timezone.now())

    def _can_be_reached(self, key: GatewayKey) -> bool:
        return key.source != KeySource.PRACTICE or self._practice.is_running

    @staticmethod
    def _tell_admins() -> None:
        alerts.count_the_rest()
        alerts.send_mail(timezone.now())

    @staticmethod
    def _go_on_with_the_lines() -> None:
        """Send what an engine that died, or a queue that was full, left in line."""
        for conversation_id in lines.due():
            lines.send_next(conversation_id)

    @staticmethod
    def _tidy() -> None:
        erasing.erase_expired(timezone.now())
        rearranging.erase_removed(timezone.now() - _UNDO_LIFE)
        library.erase_deleted(timezone.now() - _SHELF_UNDO_LIFE)
        pending_sends.expire(timezone.now() - _PENDING_LIFE)
        files.remove_stale_drafts(timezone.now() - _DRAFT_LIFE)
        files.remove_unused_files()
        calls.end_what_was_left(timezone.now())
        # A maker that lost its lease may have written a step after the end.
        ended = Generation.objects.exclude(state__in=UNFINISHED)
        GenerationEvent.objects.filter(generation__in=ended).delete()

    @staticmethod
    def _guarded(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except (Refused, ImproperlyConfigured) as refusal:
            logger.warning("Housekeeping: %s", refusal)
        except DatabaseError:
            logger.exception("Housekeeping could not reach the database")
            close_old_connections()
        except Exception:
            logger.exception("Housekeeping broke")
