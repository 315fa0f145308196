"""The engine of one process: claims queued generations, runs each in a thread, keeps their leases.

Threads: one that claims, one that keeps (leases, stops, the left-behind), one that writes, and one per
running answer. A request of a browser never waits for any of them.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from conversations.generation import claims, finishing, relay, titling
from conversations.generation.answering import Answering
from conversations.generation.housekeeping import Housekeeping
from conversations.generation.writer import Writer
from conversations.models import Generation
from conversations.services import lines, wakeups

logger = logging.getLogger(__name__)

_KEEP_EVERY = 0.5
_RENEW_EVERY = 5.0
_LOOK_AGAIN_AFTER = 2.0
_GOODBYE = 2.0


class Engine:
    """Start it after the fork, stop it before the end of the process."""

    def __init__(self, *, slots: int = 0) -> None:
        self.boot_id = uuid.uuid4()
        self._slots = slots or settings.ENGINE_SLOTS
        self._running: dict[int, Answering] = {}
        # When each person's last answer was begun here: claims.claim_next is fair by it.
        self._served: dict[int, datetime] = {}
        self._lock = threading.Lock()
        self._queue_changed = threading.Event()
        self._stop_asked = threading.Event()
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix="answer")
        self._side_pool = ThreadPoolExecutor(2, thread_name_prefix="title")
        self._writer = Writer(relay.hub.publish)
        self._housekeeping = Housekeeping(self._ending)
        self._threads = [
            threading.Thread(target=self._claim_for_ever, name="engine-claims", daemon=True),
            threading.Thread(target=self._keep_for_ever, name="engine-keeper", daemon=True),
            self._housekeeping,
        ]

    def start(self) -> None:
        """Begin. Answers that a killed engine left behind become interrupted before anything is claimed."""
        claims.say_alive(boot_id=self.boot_id, now=timezone.now())
        relay.hub.own_engine = self.boot_id
        self._recover_the_lost()
        wakeups.listen(self._woken)
        self._writer.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End within a few seconds: running answers become interrupted, with what came so far."""
        wakeups.leave(self._woken)
        relay.hub.own_engine = None
        self._ending.set()
        self._queue_changed.set()
        self._stop_asked.set()
        self._housekeeping.wake()
        with self._lock:
            running = list(self._running.values())
        for answering in running:
            answering.cancel(shutdown=True)
        deadline = time.monotonic() + _GOODBYE
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        self._writer.stop()
        for thread in (self._writer, *self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._side_pool.shutdown(wait=False, cancel_futures=True)
        try:
            claims.say_goodbye(boot_id=self.boot_id)
        except DatabaseError:
            logger.warning("The engine could not sign off; the next one will find out by itself")

    def _woken(self, topic: str) -> None:
        if topic == wakeups.QUEUE:
            self._queue_changed.set()
        elif topic == wakeups.STOP:
            self._stop_asked.set()
        elif topic == wakeups.SYNC:
            self._housekeeping.wake()

    # --- Claiming ----------------------------------------------------------------------------------

    def _claim_for_ever(self) -> None:
        while not self._ending.is_set():
            self._queue_changed.clear()
            self._guarded(self._claim_all)
            # Another process's send is seen at the next look; this one's own wakes at once.
            self._queue_changed.wait(_LOOK_AGAIN_AFTER if settings.ENGINE == "embedded" else 0.1)
        close_old_connections()

    def _claim_all(self) -> None:
        while not self._ending.is_set() and len(self._running) < self._slots:
            generation = claims.claim_next(
                boot_id=self.boot_id, now=timezone.now(), slots=self._slots, served=self._served
            )
            if generation is None:
                return
            answering = Answering(generation, self._writer)
            with self._lock:
                self._running[generation.pk] = answering
            self._pool.submit(self._run, answering)

    def _run(self, answering: Answering) -> None:
        generation = answering.generation
        try:
            answering.run()
        except Exception:
            logger.exception("Generation %s could not be ended", generation.pk)
        finally:
            with self._lock:
                self._running.pop(generation.pk, None)
            # A process that dies before this loses nothing: housekeeping finds the line.
            self._guarded(partial(lines.send_next, generation.message.conversation_id))
            relay.hub.look(generation.message.conversation_id)
            self._queue_changed.set()
            if not self._ending.is_set() and titling.is_wanted(generation):
                self._side_pool.submit(titling.find_title, generation.pk)
            close_old_connections()

    # --- Keeping -----------------------------------------------------------------------------------

    def _keep_for_ever(self) -> None:
        renewed = 0.0
        while not self._ending.is_set():
            self._stop_asked.wait(_KEEP_EVERY)
            self._stop_asked.clear()
            self._guarded(self._pass_stops_on)
            if time.monotonic() - renewed >= _RENEW_EVERY:
                renewed = time.monotonic()
                self._guarded(self._renew)
                self._guarded(self._recover_the_lost)
        close_old_connections()

    def _pass_stops_on(self) -> None:
        if not self._running:
            return
        for pk in claims.stop_requested(boot_id=self.boot_id):
            if answering := self._running.get(pk):
                answering.cancel()

    def _renew(self) -> None:
        claims.say_alive(boot_id=self.boot_id, now=timezone.now())
        with self._lock:
            running = dict(self._running)
        if not running:
            return
        mine = claims.renew(boot_id=self.boot_id, running=running, now=timezone.now())
        for pk in running.keys() - mine:
            # It may have ended between the two looks; then the cancel meets nothing.
            if (
                not Generation.objects.filter(pk=pk, lease_owner=self.boot_id).exists()
                and pk in self._running
            ):
                running[pk].cancel(lost=True)

    def _recover_the_lost(self) -> None:
        now = timezone.now()
        with self._lock:
            running = list(self._running)
        for generation in claims.lost(boot_id=self.boot_id, running=running, now=now):
            finishing.recover(generation)
        claims.forget_the_gone(boot_id=self.boot_id, now=now)

    @staticmethod
    def _guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except DatabaseError:
            # A database that is away for a moment must not end the engine.
            logger.exception("The engine could not reach the database")
            close_old_connections()
            time.sleep(0.5)
        except Exception:
            # Whatever it was: without this thread nothing would be answered any more.
            logger.exception("The engine broke, and goes on")
            close_old_connections()
            time.sleep(0.5)
