"""Changing prices: a new one begins, an old one ends, and nothing that was is ever another price.

Every verb holds the tariff's row, so that two admins take turns, and leaves an entry in the audit log.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from conversations.models import GatewayKey, KeyModel, Model, Price, PriceSource, Tariff, User
from conversations.services import audit, keys, pricing
from conversations.services.errors import Refused

_UNUSABLE_NAME = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufffd]")
_CURRENCY = re.compile(r"[A-Z]{3}|[a-z][a-z ]{3,18}")
# Whoever chose "now" in a form has sent it a little later.
_A_MOMENT = timedelta(minutes=10)
_FURTHEST = timedelta(days=366 * 5)


@dataclass(frozen=True)
class NewPrice:
    """A price that is to begin: nano-units by the names of pricing.AMOUNTS."""

    model_name: str
    amounts: Mapping[str, int | None]
    source: PriceSource
    note: str = ""


@dataclass
class _Change:
    """What is to be written: rows whose end is new, and rows that are."""

    ended: list[Price] = field(default_factory=list)
    begun: list[Price] = field(default_factory=list)


def tariff_for(base_url: str) -> Tariff:
    """Return the row of `base_url`, made where missing."""
    tariff, _ = Tariff.objects.get_or_create(base_url=base_url)
    return tariff


def base_urls() -> list[str]:
    """Return where prices may be set: the addresses of keys, and those that have prices already."""
    found = set(GatewayKey.objects.values_list("base_url", flat=True))
    return sorted(found | set(Tariff.objects.values_list("base_url", flat=True)))


def place_of(base_url: str) -> str:
    """Return how people read a base URL: the practice gateway's is a new one at each start."""
    return "the practice gateway" if base_url == keys.PRACTICE_BASE_URL else base_url


@transaction.atomic
def add(
    base_url: str, *, price_group: str, new: NewPrice, valid_from: datetime | None, by: User | None
) -> Price:
    """Let a price begin, now or at `valid_from`, and end the one that was in force until then.

    Raises Refused where `valid_from` is over, where a price begins at that very moment, or where the price
    says nothing.
    """
    tariff = _locked(tariff_for(base_url))
    begins = check(base_url, price_group=price_group, new=new, valid_from=valid_from)
    rows = list(tariff.prices.filter(model_name=new.model_name, price_group=price_group))
    change = _Change()
    price = _place(change, rows, tariff, price_group, new, begins=begins, by=by)
    before = change.ended[0] if change.ended else None
    _write(change)
    audit.record("price.added", subject=price, actor=by, changes=_differences(before, price))
    return price


def check(base_url: str, *, price_group: str, new: NewPrice, valid_from: datetime | None) -> datetime:
    """Return when the price would begin. Raises Refused where `add` would."""
    refuse_nonsense(new)
    begins = _beginning(valid_from, now=timezone.now())
    same = Price.objects.filter(
        tariff__base_url=base_url, model_name=new.model_name, price_group=price_group, valid_from=begins
    )
    if same.exists():
        raise Refused(f"A price of {new.model_name} begins at that moment already. Choose another one.")
    return begins


@transaction.atomic
def end(price: Price, *, by: User | None) -> None:
    """Let a price that is in force end now: its model is unpriced from now on. Raises Refused."""
    _locked(price.tariff)
    now = timezone.now()
    ended = Price.objects.valid_at(now).filter(pk=price.pk).update(valid_until=now)
    if not ended:
        raise Refused("This price is not in force.")
    _forget_after_commit()
    audit.record("price.ended", subject=price, actor=by, changes={"valid_until": [price.valid_until, now]})


@transaction.atomic
def withdraw(price: Price, *, by: User | None) -> None:
    """Remove a price that has not begun: the one before it goes on. Raises Refused where it has begun."""
    _locked(price.tariff)
    row = Price.objects.filter(pk=price.pk, valid_from__gt=timezone.now()).first()
    if row is None:
        raise Refused("This price has begun: calls may have been counted with it. It can only be ended.")
    same = Price.objects.filter(tariff=row.tariff_id, model_name=row.model_name, price_group=row.price_group)
    audit.record("price.deleted", subject=row, actor=by, changes=_differences(row, None))
    before = same.filter(valid_until=row.valid_from)
    row.delete()
    before.update(valid_until=row.valid_until)
    _forget_after_commit()


@transaction.atomic
def set_currency(tariff: Tariff, currency: str, *, by: User | None) -> None:
    """Say what the prices at a base URL are counted in from now on; calls keep what they were counted in.

    Raises Refused for what is no currency.
    """
    currency = currency.strip()
    if not _CURRENCY.fullmatch(currency):
        raise Refused("A currency is a code of three capital letters such as USD, or a word such as credits.")
    tariff = _locked(tariff)
    if tariff.currency == currency:
        return
    audit.record(
        "price.changed",
        kind="base URL",
        name=tariff.base_url,
        actor=by,
        changes={"currency": [tariff.currency, currency]},
    )
    Tariff.objects.filter(pk=tariff.pk).update(currency=currency)
    _forget_after_commit()


def replace(
    tariff: Tariff,
    price_group: str,
    *,
    begun: Iterable[NewPrice],
    ended: Iterable[str],
    now: datetime,
    by: User | None,
) -> None:
    """Let many prices begin and end at `now`, for services.price_import: it holds the tariff's row."""
    rows: dict[str, list[Price]] = defaultdict(list)
    still = tariff.prices.filter(Q(valid_until=None) | Q(valid_until__gt=now), price_group=price_group)
    for row in still:
        rows[row.model_name].append(row)
    change = _Change()
    for new in begun:
        _place(change, rows[new.model_name], tariff, price_group, new, begins=now, by=by)
    for name in ended:
        if present := _valid_at(rows[name], now):
            present.valid_until = now
            change.ended.append(present)
    _write(change)


# --- Models without a price ------------------------------------------------------------------------


def unpriced_models(*, now: datetime | None = None) -> QuerySet[Model]:
    """Return the models that people may choose, and that a usable key serves without a price for it."""
    now = now or timezone.now()
    valid = Price.objects.valid_at(now).filter(
        tariff__base_url=OuterRef("key__base_url"), model_name=OuterRef("model__name")
    )
    of_group = valid.filter(Q(price_group=OuterRef("key__price_group")) | Q(price_group=pricing.EVERY_GROUP))
    bare = KeyModel.objects.filter(
        ~Exists(of_group), model=OuterRef("pk"), key__in=GatewayKey.objects.usable()
    )
    return Model.objects.filter(Exists(bare), is_enabled=True).order_by("order", "name", "id")


# --- Parts -----------------------------------------------------------------------------------------


def refuse_nonsense(new: NewPrice) -> None:
    """Raise Refused for a price that says nothing, says half of something, or names no model."""
    amounts = {name: new.amounts.get(name) for name in pricing.AMOUNTS}
    if not 0 < len(new.model_name) <= 200 or _UNUSABLE_NAME.search(new.model_name):
        raise Refused("A model's name has no spaces, and at most 200 characters.")
    told = [value for value in amounts.values() if value is not None]
    if not told:
        raise Refused("Enter at least one price. A model without any is “unpriced”.")
    if not all(0 <= value <= pricing.MOST for value in told):
        raise Refused("A price lies between 0 and 1 000 000.")
    has_tokens = any(amounts[name] is not None for name in pricing.TOKEN_PRICES)
    if has_tokens and (amounts["input"] is None or amounts["output"] is None):
        raise Refused("A price for tokens needs both: input and output. Enter 0 where one of them is free.")


def _beginning(valid_from: datetime | None, *, now: datetime) -> datetime:
    if valid_from is None or now - _A_MOMENT <= valid_from <= now:
        return now
    if valid_from < now:
        raise Refused("A price never changes what was: it begins now or later.")
    if valid_from > now + _FURTHEST:
        raise Refused("That is more than five years away.")
    return valid_from


def _place(
    change: _Change,
    rows: list[Price],
    tariff: Tariff,
    price_group: str,
    new: NewPrice,
    *,
    begins: datetime,
    by: User | None,
) -> Price:
    """Put `new` among `rows`: it ends the one in force, and goes on until that one would have ended."""
    before = _valid_at(rows, begins)
    later = [row.valid_from for row in rows if row.valid_from > begins]
    ends = before.valid_until if before else min(later, default=None)
    if before:
        before.valid_until = begins
        change.ended.append(before)
    price = Price(
        tariff=tariff,
        model_name=new.model_name,
        price_group=price_group,
        source=new.source,
        note=new.note,
        made_by=by,
        valid_from=begins,
        valid_until=ends,
        **{name: new.amounts.get(name) for name in pricing.AMOUNTS},
    )
    change.begun.append(price)
    return price


def _valid_at(rows: Iterable[Price], moment: datetime) -> Price | None:
    valid = (r for r in rows if r.valid_from <= moment and (r.valid_until is None or moment < r.valid_until))
    return next(valid, None)


def _write(change: _Change) -> None:
    # The ends first: of two prices without an end only one may be there at any time.
    Price.objects.bulk_update(change.ended, ["valid_until"], batch_size=100)
    Price.objects.bulk_create(change.begun, batch_size=100)
    _forget_after_commit()


def _forget_after_commit() -> None:
    # Both: what is read in this transaction must not be old, nor what another thread reads before its end.
    pricing.forget()
    transaction.on_commit(pricing.forget)


def _locked(tariff: Tariff) -> Tariff:
    return Tariff.objects.select_for_update().get(pk=tariff.pk)


def _differences(before: Price | None, after: Price | None) -> dict[str, list[object]]:
    names = ("price_group", "valid_from", *pricing.AMOUNTS)
    pairs = {name: [getattr(before, name, None), getattr(after, name, None)] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
