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
from conversations.services import catalog, files, gateway, keys
from conversations.services.errors import Refused
from conversations.tools import offering

logger = logging.getLogger(__name__)

_EVERY = 1.0
_TIDY_EVERY = 3600.0
_DRAFT_LIFE = timedelta(days=2)


class Housekeeping(threading.Thread):
    """Looks once a second, or when woken, at what an admin changed."""

    def __init__(self, ending: threading.Event) -> None:
        super().__init__(name="engine-housekeeping", daemon=True)
        self._ending = ending
        self._woken = threading.Event()
        self._practice = practice_process.PracticeProcess()
        self._tidied = time.monotonic()

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
            if time.monotonic() - self._tidied > _TIDY_EVERY:
                self._tidied = time.monotonic()
                self._guarded(self._tidy)
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
                catalog.sync_key(key)

    def _can_be_reached(self, key: GatewayKey) -> bool:
        return key.source != KeySource.PRACTICE or self._practice.is_running

    @staticmethod
    def _tidy() -> None:
        files.remove_stale_drafts(timezone.now() - _DRAFT_LIFE)
        files.remove_unused_files()
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
