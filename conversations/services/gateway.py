"""The one place that builds a ChainHub client, and that keeps what the gateway says against a key."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from conversations.chainhub import errors
from conversations.chainhub.client import ChainHub, Timeouts, UnusableSetting
from conversations.models import GatewayKey, KeySource
from conversations.services import cooldowns, keys
from conversations.services.errors import Refused

# A problem that lasts is written again this often: that keeps it fresh, without a row write per call.
PROBLEM_INTERVAL = timedelta(seconds=20)
USED_INTERVAL = timedelta(minutes=1)
# What the practice gateway takes for a key. It is no secret.
PRACTICE_SECRET = "sk-practice-gateway"  # noqa: S105
# Errors that say something about the key or its address; the others are the request's, or the person's.
ABOUT_THE_KEY = (
    errors.KeyRejected,
    errors.WrongAddress,
    errors.RateLimited,
    errors.GatewayUnavailable,
    errors.ConnectionFailed,
)
_WORDS_LIMIT = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class GatewayMissing(Refused):
    """No client can be built: the practice gateway is not running, or a setting can't work."""


class _PracticeAddress:
    """Where the practice gateway of this process listens. Its port is a new one at each start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._url: str | None = None

    def put(self, url: str | None) -> None:
        with self._lock:
            self._url = url

    def get(self) -> str | None:
        with self._lock:
            return self._url


_practice = _PracticeAddress()


def set_practice_address(url: str | None) -> None:
    """Say where the practice gateway listens; None when it does not run."""
    _practice.put(url)


def practice_address() -> str | None:
    return _practice.get()


def client_for(key: GatewayKey) -> ChainHub:
    """Return a client that speaks with the secret of `key`; threads may share it.

    Raises KeyUnreadable, or GatewayMissing where the practice gateway is not running or a setting can't work.
    """
    if key.source == KeySource.PRACTICE:
        address = practice_address()
        if address is None:
            raise GatewayMissing("The practice gateway is not running.")
        # It is always on loopback, where a proxy can't reach it.
        return _client(address, PRACTICE_SECRET, _timeouts(), proxy=None)
    return _client(key.base_url, keys.secret_of(key), _timeouts(), proxy=settings.GATEWAY_PROXY or None)


# A client holds a TLS context, whose authorities take tens of milliseconds to read: far more than all else
# before the first token. One for each key that is in use, then.
@lru_cache(maxsize=16)
def _client(base_url: str, secret: str, timeouts: Timeouts, *, proxy: str | None) -> ChainHub:
    try:
        return ChainHub(base_url, secret, timeouts=timeouts, proxy=proxy)
    except UnusableSetting as fault:
        raise GatewayMissing(str(fault)) from None


def _timeouts() -> Timeouts:
    return Timeouts(
        connect=settings.GATEWAY_CONNECT_TIMEOUT,
        first_byte=settings.GATEWAY_FIRST_BYTE_TIMEOUT,
        idle=settings.GATEWAY_IDLE_TIMEOUT,
    )


def stored_secrets() -> tuple[str, ...]:
    """Return what must not come back by way of a tool: the secret of every key that may have been used.

    Not only of those that serve the model now: an earlier round may have gone through another.
    """
    stored = GatewayKey.objects.exclude(ciphertext="").order_by("id")
    return tuple(filter(None, map(keys.secret_or_nothing, stored)))


def note_problem(key: GatewayKey, error: errors.ChainHubError, *, now: datetime | None = None) -> None:
    """Keep what `error` says against `key`, for the panel. Other errors are not kept."""
    if not isinstance(error, ABOUT_THE_KEY):
        return
    now = now or timezone.now()
    text = explain(error, secret=keys.secret_or_nothing(key))[:500]
    # The same again within seconds changes nothing: twenty failing calls are one row write.
    same = Q(problem_kind=error.kind, problem_text=text, problem_at__gt=now - PROBLEM_INTERVAL)
    changed = (
        GatewayKey.objects.filter(pk=key.pk)
        .exclude(same)
        .update(problem_kind=error.kind, problem_text=text, problem_at=now)
    )
    if changed:
        key.problem_kind, key.problem_text, key.problem_at = error.kind, text, now


def note_success(key: GatewayKey, *, has_answered: bool = True, now: datetime | None = None) -> None:
    """Clear the problem of `key`, and keep when it was last used, to the minute.

    `has_answered` false: the gateway only told its models. That says nothing of the balance or of limits.
    """
    now = now or timezone.now()
    if not has_answered:
        cooldowns.end_with_a_list(key)
    used_before = now - USED_INTERVAL
    kept = () if has_answered else (errors.QuotaExhausted.kind, errors.RateLimited.kind)
    is_clear = not key.problem_kind or key.problem_kind in kept
    if is_clear and key.last_used_at is not None and key.last_used_at > used_before:
        return
    row = GatewayKey.objects.filter(pk=key.pk)
    # Both conditional: a hundred streams that begin in the same second are one row write, not a hundred.
    if row.exclude(problem_kind__in=("", *kept)).update(problem_kind="", problem_text="", problem_at=None):
        key.problem_kind, key.problem_text, key.problem_at = "", "", None
    row.filter(Q(last_used_at=None) | Q(last_used_at__lte=used_before)).update(last_used_at=now)
    key.last_used_at = now


def explain(error: errors.ChainHubError, *, secret: str = "") -> str:
    """Say in a sentence for admins what `error` means, and what the gateway itself said.

    Its words are those of its error message; a reply's body is never told.
    """
    sentence = _sentence(error)
    words = _words(error, secret)
    return f"{sentence} It said: “{words}”" if words else sentence


def _words(error: errors.ChainHubError, secret: str) -> str:
    if not isinstance(error, errors.StatusError) or isinstance(error, errors.WrongAddress):
        return ""
    if error.message.startswith("The gateway answered with status"):
        return ""
    words = _CONTROL.sub(" ", errors.redact(error.message, secret)).strip()
    return words if len(words) <= _WORDS_LIMIT else words[: _WORDS_LIMIT - 1] + "…"


def _sentence(error: errors.ChainHubError) -> str:
    match error:
        case errors.QuotaExhausted():
            return f"The balance of this key is used up (status {error.status})."
        case errors.KeyRejected():
            return f"The gateway refuses this key (status {error.status}): unknown, expired or used up."
        case errors.WrongAddress():
            return "There is no ChainHub at this address (status 404). Check the base URL."
        case errors.RateLimited():
            return "The gateway asks for fewer requests (status 429). Wait a minute."
        case errors.GatewayUnavailable():
            return f"The gateway is not available now (status {error.status})."
        case errors.StatusError():
            return f"The gateway refused the request (status {error.status})."
        case errors.ConnectionFailed():
            return _CONNECTION_SENTENCES.get(
                error.kind, "The gateway can't be reached: it refused the connection."
            )
        case errors.UnreadableReply():
            if error.kind == "redirected":
                return "The address only redirects to another one, which is not followed. Check the base URL."
            return "The address answers, but not as a gateway does (a web page?). Check the base URL."
        case _:
            return "The gateway's answer broke off."


_CONNECTION_SENTENCES = {
    "name_not_resolved": "There is no host of this name. Check the base URL.",
    "connect_timeout": "The gateway can't be reached: it did not take the connection in time.",
    "first_byte_timeout": "The gateway took the request and did not answer in time.",
    "connection_lost": "The gateway closed the connection without an answer.",
    "tls_failed": "No secure connection: the gateway's certificate is not trusted, or it does not speak TLS.",
    "proxy_failed": "The proxy (GATEWAY_PROXY) did not connect to the gateway.",
    "bad_address": "The base URL can't be used. Check it.",
}
