"""What happened between the keys and the gateway, in words for admins."""

from __future__ import annotations

from collections.abc import Iterable

from conversations.models import Call

_WORDS = {
    "key_rejected": "was refused",
    "quota_exhausted": "had no balance left",
    "rate_limited": "asked for fewer requests",
    "gateway_unavailable": "was not available",
    "unknown_model": "did not serve the model",
    "wrong_address": "led to no gateway",
    "request_refused": "refused the request",
    "reasoning_refused": "refused what the model had thought before",
    "unreadable_reply": "sent what is no answer",
    "redirected": "only led to another address",
    "stream_refused": "reported an error within the answer",
    "stream_broken": "broke off",
    "first_byte_timeout": "did not begin to answer in time",
    "connection_lost": "dropped the connection",
    "key_unreadable": "could not be read here",
    "cancelled": "was asked until it was stopped",
    "engine_gone": "was asked when the server stopped",
}
# All other kinds are ways of not getting through: refused, no such name, no certificate.
_NO_WAY = "could not be reached"


def failed(name: str, kind: str, status: int | None = None) -> str:
    """Return what became of a call through the key `name`: “Team” was refused (401)."""
    words = f"“{name}” {_WORDS.get(kind, _NO_WAY)}"
    return f"{words} ({status})" if status and status >= 400 else words


def story(calls: Iterable[Call]) -> str:
    """Tell how an answer went from key to key, in the order of its `calls`; "" where none failed.

    One sentence for each request that met trouble: the rounds of tools are requests of their own, which count
    their attempts from 1.
    """
    requests: list[list[Call]] = []
    for call in calls:
        if call.attempt == 1 or not requests:
            requests.append([])
        requests[-1].append(call)
    return " ".join(_sentence(request) for request in requests if any(call.error_kind for call in request))


def _sentence(request: list[Call]) -> str:
    said = [failed(call.key_name, call.error_kind, call.status) for call in request if call.error_kind]
    said += [f"answered by “{call.key_name}”" for call in request if call.ended_at and not call.error_kind]
    return ", ".join(said) + "."
