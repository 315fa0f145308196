"""Prices and what a call costs: whole numbers of nano-units, exact to the last one.

How a call is counted (docs/prices.md says the same to admins):

- The price is the one that was in force when the call *began*, for the model's name at the gateway and the
  price group of its key; where that group has none, the price of every group (group "") holds.
- `input_tokens` includes the cached tokens and those written to the cache, as the gateway counts them
  (chat-completions.md and responses.md, "usage"). Cached tokens without a price of their own cost what input
  costs, and so do cache writes.
- Thinking tokens are part of the output tokens, never counted beside them. Without a price of their own they
  cost what output costs.
- A price a call is charged once for each call, beside what its tokens cost.
- All is added up in millionths of nano-units and rounded once, at the end, half up.
- What cannot be told is None ("unpriced"), never 0: no price, or a price for tokens and no count of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversations.models import Call, GatewayKey, Price, Tariff

NANO = 1_000_000_000
MILLION = 1_000_000
# A million units for a million tokens: nothing costs that, and sums stay far inside 64 bits.
MOST = 1_000_000 * NANO
EVERY_GROUP = ""
CREDITS = "credits"
TOKEN_PRICES = ("input", "cached", "cache_write", "output", "thinking")
AMOUNTS = (*TOKEN_PRICES, "per_call", "per_second", "per_image")

# A price that another process writes counts here this much later at most; in this process at once.
_REMEMBERED_SECONDS = 1.5
_REMEMBERED_MODELS = 2_000


@dataclass(frozen=True)
class Rates:
    """All prices, past and to come, that a model has for one price group, and their currency."""

    currency: str
    prices: tuple[Price, ...]

    def at(self, moment: datetime) -> Price | None:
        """Return the price in force: the group's own before that of every group."""
        valid = [
            price
            for price in self.prices
            if price.valid_from <= moment and (price.valid_until is None or moment < price.valid_until)
        ]
        return min(valid, key=lambda price: price.price_group == EVERY_GROUP, default=None)


class _Remembered:
    """What was read a moment ago, so that an answer costs no look into the price list of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rates: dict[tuple[str, str, str], tuple[float, Rates]] = {}
        self._writes = 0

    def get(self, place: tuple[str, str, str]) -> tuple[Rates | None, int]:
        with self._lock:
            until, rates = self._rates.get(place, (0.0, None))
            return (rates if time.monotonic() < until else None), self._writes

    def put(self, place: tuple[str, str, str], rates: Rates, *, writes: int) -> None:
        with self._lock:
            # Read before a price was written: too old already.
            if writes != self._writes:
                return
            if len(self._rates) >= _REMEMBERED_MODELS:
                self._rates.clear()
            self._rates[place] = (time.monotonic() + _REMEMBERED_SECONDS, rates)

    def clear(self) -> None:
        with self._lock:
            self._rates.clear()
            self._writes += 1


_remembered = _Remembered()


def forget() -> None:
    """Have prices read anew from now on: called after each change of them."""
    _remembered.clear()


def rates_for(*, base_url: str, price_group: str, model_name: str) -> Rates:
    """Return the prices of `model_name`, a name as the gateway knows it. Two queries, or none."""
    place = (base_url, price_group, model_name)
    rates, writes = _remembered.get(place)
    if rates is None:
        rates = _read(*place)
        _remembered.put(place, rates, writes=writes)
    return rates


def price_for(*, base_url: str, price_group: str, model_name: str, at: datetime) -> Price | None:
    """Return the price that is in force at `at`, or None where there is none."""
    return rates_for(base_url=base_url, price_group=price_group, model_name=model_name).at(at)


def _read(base_url: str, price_group: str, model_name: str) -> Rates:
    tariff = Tariff.objects.filter(base_url=base_url).first()
    if tariff is None:
        return Rates("", ())
    prices = tariff.prices.filter(model_name=model_name, price_group__in={price_group, EVERY_GROUP})
    return Rates(tariff.currency, tuple(prices.order_by("valid_from", "id")))


# --- What a call costs -----------------------------------------------------------------------------


def cost_of(
    price: Price | None,
    *,
    input_tokens: int | None = None,
    cached_tokens: int | None = None,
    cache_written_tokens: int | None = None,
    output_tokens: int | None = None,
    thinking_tokens: int | None = None,
    images: int | None = None,
    media_ms: int | None = None,
) -> int | None:
    """Return nano-units by the rules that this module begins with; None where it can't be told.

    A count of cached, written or thinking tokens that was not told counts as none: those are shares of a
    number that was told. More of them than of the whole counts as the whole.
    """
    if price is None or all(getattr(price, name) is None for name in AMOUNTS):
        return None
    millionths = 0
    if any(getattr(price, name) is not None for name in TOKEN_PRICES):
        of_input = _input_cost(price, input_tokens, cached_tokens or 0, cache_written_tokens or 0)
        of_output = _output_cost(price, output_tokens, thinking_tokens or 0)
        if of_input is None or of_output is None:
            return None
        millionths += of_input + of_output
    elif price.per_call is None and _is_uncounted(price, images, media_ms):
        return None
    millionths += (price.per_call or 0) * MILLION
    millionths += (price.per_image or 0) * (images or 0) * MILLION
    # Milliseconds, at a price a second.
    millionths += (price.per_second or 0) * (media_ms or 0) * 1_000
    return (millionths + MILLION // 2) // MILLION


def _input_cost(price: Price, tokens: int | None, cached: int, written: int) -> int | None:
    if tokens is None:
        return None
    cached = min(cached, tokens)
    written = min(written, tokens - cached)
    return _add(
        (tokens - cached - written, price.input),
        (cached, _first(price.cached, price.input)),
        (written, _first(price.cache_write, price.input)),
    )


def _output_cost(price: Price, tokens: int | None, thinking: int) -> int | None:
    if tokens is None:
        return None
    thinking = min(thinking, tokens)
    return _add((tokens - thinking, price.output), (thinking, _first(price.thinking, price.output)))


def _add(*counted: tuple[int, int | None]) -> int | None:
    total = 0
    for tokens, price in counted:
        if tokens and price is None:
            return None
        total += tokens * (price or 0)
    return total


def _first(own: int | None, otherwise: int | None) -> int | None:
    return otherwise if own is None else own


def _is_uncounted(price: Price, images: int | None, media_ms: int | None) -> bool:
    """Whether it costs by the picture or the second alone, and nobody has told how many there were."""
    return (price.per_image is None or images is None) and (price.per_second is None or media_ms is None)


# --- What a call's row keeps of it -----------------------------------------------------------------


def fields_for(
    call: Call, key: GatewayKey | None, counts: dict[str, Any], *, is_free: bool
) -> dict[str, Any]:
    """Return cost, currency and price_snapshot for the end of `call`.

    `is_free`: nothing was worked on (refused, never sent, or a list that costs nothing): that costs 0, which
    is told, and is not unpriced.
    """
    if key is None:
        return {"cost": 0} if is_free else {}
    rates = rates_for(base_url=key.base_url, price_group=key.price_group, model_name=call.model_name)
    if is_free:
        return {"cost": 0, "currency": rates.currency}
    price = rates.at(call.started_at)
    names = ("input_tokens", "cached_tokens", "cache_written_tokens", "output_tokens", "thinking_tokens")
    told = {name: counts.get(name) for name in names}
    return {
        "cost": cost_of(price, **told, images=call.images, media_ms=call.media_ms),
        "currency": rates.currency,
        "price_snapshot": snapshot_of(price) if price else None,
    }


def snapshot_of(price: Price) -> dict[str, Any]:
    """Return `price` as a call keeps it: whatever is changed later, this says what was counted with."""
    amounts = {name: value for name in AMOUNTS if (value := getattr(price, name)) is not None}
    return {
        "price": price.pk,
        "price_group": price.price_group,
        "valid_from": price.valid_from.isoformat(),
        "source": price.source,
        **amounts,
    }


def amounts_of(price: Price) -> dict[str, int | None]:
    return {name: getattr(price, name) for name in AMOUNTS}


def in_force(tariff: Tariff, price_group: str, *, at: datetime) -> dict[str, Price]:
    """Return the prices of exactly this group that are valid at `at`, by model name. One query."""
    found: Iterable[Price] = tariff.prices.valid_at(at).filter(price_group=price_group)
    return {price.model_name: price for price in found}
