"""Which key is asked next for one request: at once, after a wait, or no more.

Another key is tried only where nothing can have been billed, and before the first word. A key that was
refused is asked once for a generation; a request has as many attempts as keys serve the model, and two.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from conversations.chainhub.client import ChainHub
from conversations.chainhub.errors import ChainHubError
from conversations.chainhub.retries import delay_before
from conversations.generation import explaining
from conversations.models import GatewayKey, KeySource, Model, User
from conversations.services import alerts, cooldowns, gateway, key_words, pool
from conversations.services.cooldowns import Reason
from conversations.services.errors import Refused
from conversations.services.keys import KeyUnreadable

MOST_WAITS = 2
_MORE_THAN_KEYS = 2
_JITTER = 0.25
_random = random.SystemRandom()


@dataclass(frozen=True)
class Ask:
    """Ask with this key, now."""

    key: GatewayKey
    client: ChainHub
    choice: pool.Choice
    asked_at: datetime


@dataclass(frozen=True)
class Wait:
    """Wait so many seconds, while a reader sees `note`; then look again."""

    seconds: float
    note: str


class Tries:
    """The attempts at one request."""

    def __init__(self, model: Model, *, person: User | None, refused: set[int] | None = None) -> None:
        """`refused`: ids of keys that were refused for this generation; it is added to."""
        self.attempt = 0
        self._model = model
        self._person = person
        self._refused = refused if refused is not None else set()
        # Since the last wait. They come again after it.
        self._asked: set[int] = set()
        self._waits = 0
        self._keys = 1
        self._error: ChainHubError | None = None
        self._refusal: Refused | None = None
        self._told: list[str] = []
        self._is_practice = False

    def next(self) -> Ask | Wait:
        """Return the next attempt or wait. Raises the error that ended it, or NoKeyLeft."""
        while True:
            if self.attempt >= self._keys + _MORE_THAN_KEYS:
                raise self._given_up()
            now = timezone.now()
            try:
                choice = pool.choose(
                    self._model, person=self._person, without=self._refused, after=self._asked, now=now
                )
            except pool.NoKeyLeft as nothing:
                raise self._given_up(nothing) from None
            key = choice.key
            if key is None:
                return self._wait(choice)
            self._keys = max(self._keys, choice.keys)
            self._is_practice = key.source == KeySource.PRACTICE
            try:
                client = gateway.client_for(key)
            except Refused as refusal:
                # The fault is here, and lasts: another key may be all right.
                self._refusal = refusal
                self._told.append(key_words.failed(key.name, "key_unreadable"))
                self._refused.add(key.pk)
                continue
            self.attempt += 1
            return Ask(key, client, choice, now)

    def failed(self, ask: Ask, error: ChainHubError) -> bool:
        """Keep what `error` says against the key; return whether another attempt is allowed."""
        cooldowns.begin(ask.key, error, model=self._model, asked_at=ask.asked_at)
        gateway.note_problem(ask.key, error)
        if error.may_be_billed or not error.another_key_may_help:
            return False
        self._told.append(key_words.failed(ask.key.name, error.kind, getattr(error, "status", None)))
        (self._asked if error.retryable else self._refused).add(ask.key.pk)
        # What may pass is the better thing to tell, and to wait for.
        if error.retryable or self._error is None:
            self._error = error
        return True

    def succeeded(self, ask: Ask) -> None:
        """End what was held against the key that has answered. No query where there was nothing."""
        gateway.note_success(ask.key)
        if ask.choice.has_rested:
            cooldowns.end(ask.key, model=self._model, asked_at=ask.asked_at)
        if ask.choice.is_alerted:
            alerts.close(pool.alert_topic(self._model))

    def _wait(self, choice: pool.Choice) -> Wait:
        """Return the wait for a key that was asked already, or that is cooling down for a short while."""
        if self._waits >= MOST_WAITS:
            raise self._given_up()
        seconds = choice.wait * _random.uniform(1.0, 1.0 + _JITTER)
        if self._error is not None:
            delay = delay_before(self._waits + 2, self._error, scale=settings.GATEWAY_RETRY_SCALE)
            if delay is None:
                raise self._given_up()
            seconds = max(seconds, delay)
        self._waits += 1
        self._asked.clear()
        return Wait(seconds, self._note(seconds, choice.reason))

    def _note(self, seconds: float, reason: Reason | None) -> str:
        kind = self._error.kind if self._error else reason or Reason.AWAY
        return explaining.retrying(kind, seconds=seconds, attempt=self._waits + 1, attempts=MOST_WAITS + 1)

    def _given_up(self, nothing: pool.NoKeyLeft | None = None) -> Exception:
        """Tell admins that no key was left; return what a member is told."""
        told = [*self._told, *([nothing.detail] if nothing and nothing.detail else [])]
        if not self._is_practice:
            alerts.tell(
                pool.alert_topic(self._model), f"No key answered for {self._model.name}: {', '.join(told)}."
            )
        if self._error is not None:
            return self._error
        if isinstance(self._refusal, KeyUnreadable):
            # Its own words name the key and the encryption key: those are for the panel.
            return pool.NoKeyLeft(explaining.sentence_of_kind("key_unreadable"))
        if self._refusal is not None:
            return self._refusal
        return nothing or pool.NoKeyLeft("No key for this model can be used just now. Try again in a minute.")
