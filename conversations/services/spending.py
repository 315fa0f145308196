"""What one answer, or one conversation, has used and cost: sums of its calls, currency by currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum

from conversations.models import Call, Conversation, UsageSource

_TOKENS = ("input_tokens", "cached_tokens", "cache_written_tokens", "output_tokens", "thinking_tokens")


@dataclass(frozen=True)
class Money:
    """Nano-units of `currency`."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Spent:
    """The sums of some calls. A count of tokens is None where none of them told it."""

    calls: int = 0
    costs: tuple[Money, ...] = ()
    # How many of the calls have no price, and how many are counted here instead of told by the gateway.
    unpriced: int = 0
    estimated: int = 0
    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_written_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    model_name: str = ""

    @property
    def is_priced(self) -> bool:
        return bool(self.costs)


def of_calls(calls: Iterable[Call]) -> Spent | None:
    """Add up `calls`, those that ended, without a query; None where there is none."""
    ended = [call for call in calls if call.ended_at is not None]
    if not ended:
        return None
    costs: dict[str, int] = {}
    for call in ended:
        if call.cost is not None:
            costs[call.currency] = costs.get(call.currency, 0) + call.cost
    tokens: dict[str, Any] = {name: _sum(getattr(call, name) for call in ended) for name in _TOKENS}
    return Spent(
        calls=len(ended),
        costs=_money(costs),
        unpriced=sum(call.cost is None for call in ended),
        estimated=sum(call.usage_source == UsageSource.ESTIMATE for call in ended),
        **tokens,
    )


def of_conversation(conversation: Conversation) -> list[Spent]:
    """Return what each model has cost here, whichever branch and purpose, the last one being all of it.

    One query, however long the conversation; nothing where no call has ended.
    """
    mine = Call.objects.filter(generation__message__conversation=conversation, ended_at__isnull=False)
    rows: list[Any] = list(
        mine.values("model_name", "currency")
        .annotate(
            calls=Count("pk"),
            costing=Sum("cost"),
            unpriced=Count("pk", filter=Q(cost=None)),
            estimated=Count("pk", filter=Q(usage_source=UsageSource.ESTIMATE)),
            **{f"sum_{name}": Sum(name) for name in _TOKENS},
        )
        .order_by("model_name", "currency")
    )
    if not rows:
        return []
    names = list(dict.fromkeys(row["model_name"] for row in rows))
    by_model = [_added([row for row in rows if row["model_name"] == name], name) for name in names]
    return [*by_model, _added(rows, "")]


def _added(rows: list[dict[str, Any]], model_name: str) -> Spent:
    costs: dict[str, int] = {}
    for row in rows:
        if row["costing"] is not None:
            costs[row["currency"]] = costs.get(row["currency"], 0) + row["costing"]
    tokens: dict[str, Any] = {name: _sum(row[f"sum_{name}"] for row in rows) for name in _TOKENS}
    return Spent(
        calls=sum(row["calls"] for row in rows),
        costs=_money(costs),
        unpriced=sum(row["unpriced"] for row in rows),
        estimated=sum(row["estimated"] for row in rows),
        model_name=model_name,
        **tokens,
    )


def _money(costs: dict[str, int]) -> tuple[Money, ...]:
    """Return the sums by currency. Nothing in no currency (a refused call, and no tariff) is left out."""
    told = [Money(amount, currency) for currency, amount in sorted(costs.items()) if amount or currency]
    return tuple(told) or tuple(Money(0, "") for _ in costs)


def _sum(counts: Iterable[int | None]) -> int | None:
    told = [count for count in counts if count is not None]
    return sum(told) if told else None
