"""One request for the model list of a key, on record; for catalog's sync and test."""

from __future__ import annotations

import time
from dataclasses import dataclass

from conversations.chainhub import errors
from conversations.chainhub.catalog import CatalogModel
from conversations.models import GatewayKey, KeySource, Purpose, User
from conversations.services import calls, gateway, keys
from conversations.services.errors import Refused

BY_HAND = "Models can be added by hand."


@dataclass(frozen=True)
class Listing:
    """The model list, or the sentence that says why there is none."""

    models: tuple[CatalogModel, ...] = ()
    problem: str = ""
    # With a problem: whether the key may be good all the same.
    may_work: bool = False
    seconds: float = 0.0


def ask(key: GatewayKey, *, purpose: Purpose, person: User | None = None) -> Listing:
    """Send GET /v1/models, and write down that it was sent. Never call it inside a transaction."""
    try:
        client = gateway.client_for(key)
    except Refused as refusal:
        # Nothing goes out, so there is no call to write down.
        return Listing(problem=str(refusal))
    call = calls.begin(purpose=purpose, key=key, person=person)
    started = time.monotonic()
    try:
        models = client.models()
    except errors.ChainHubError as error:
        seconds = time.monotonic() - started
        calls.end(
            call,
            status=getattr(error, "status", None),
            request_id=error.request_id,
            error_kind=error.kind,
            total_ms=round(seconds * 1000),
            is_free=True,
        )
        return _without_a_list(key, error, seconds)
    seconds = time.monotonic() - started
    calls.end(call, status=200, total_ms=round(seconds * 1000), is_free=True)
    gateway.note_success(key, has_answered=False)
    return Listing(models=tuple(models), seconds=seconds)


def balance_of(key: GatewayKey) -> str:
    """Say what is left on `key`, or "" where the gateway does not tell it plainly."""
    if key.source == KeySource.PRACTICE:
        return ""
    try:
        balance = gateway.client_for(key).balance()
    except Refused:
        return ""
    if balance is None:
        return ""
    if balance.remaining is None:
        return f"Balance: no limit, {balance.used:.2f} used."
    return f"Balance: {balance.remaining:.2f} left of {balance.granted:.2f}."


def count(number: int) -> str:
    return "1 model" if number == 1 else f"{number} models"


def _without_a_list(key: GatewayKey, error: errors.ChainHubError, seconds: float) -> Listing:
    if isinstance(error, errors.WrongAddress):
        # Some gateways have no such list. Whether the key is good then, the first question tells.
        problem = f"The address answers, but tells no model list (GET /v1/models: status 404). {BY_HAND}"
        return Listing(problem=problem, may_work=True, seconds=seconds)
    problem = gateway.explain(error, secret=keys.secret_or_nothing(key))
    if isinstance(error, errors.UnreadableReply):
        return Listing(problem=f"{problem} If it is right, models can be added by hand.", seconds=seconds)
    gateway.note_problem(key, error)
    return Listing(problem=problem, may_work=isinstance(error, errors.RateLimited), seconds=seconds)
