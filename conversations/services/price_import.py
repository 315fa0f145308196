"""The gateway's price table: read into a proposal, shown as a difference, and only then applied.

`PriceProposal.rows` is
{"rows": [[name, input, output, per_call], …], "unreadable": 3, "currency": "USD", "seen": "…"}:
nano-units, null where a price is not set; how many entries made no sense; the currency that the gateway told
("" for none); and a mark of the prices that were in force, by which a stale proposal is known.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from conversations.chainhub import errors
from conversations.chainhub.prices import ListedPrice, group_names
from conversations.models import (
    GatewayKey,
    Price,
    PriceProposal,
    PriceSource,
    ProposalState,
    Purpose,
    Tariff,
    User,
)
from conversations.services import audit, calls, gateway, keys, price_list, pricing
from conversations.services.errors import Refused

READ_EVERY = timedelta(hours=24)
Found = TypeVar("Found")


class Kind(StrEnum):
    """What a proposal would do to one model."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    UNPRICED = "unpriced"
    KEPT = "kept"
    SAME = "same"


# What Apply does something about.
EFFECTIVE = (Kind.NEW, Kind.CHANGED, Kind.GONE)


@dataclass(frozen=True)
class Difference:
    """One model: its price now, the table's price, and what becomes of it."""

    model_name: str
    kind: Kind
    before: dict[str, int | None]
    after: dict[str, int | None]
    # For "gone": whether the table has the model, without a price.
    is_listed: bool = True


# --- Reading ---------------------------------------------------------------------------------------


def read(key: GatewayKey, *, person: User | None = None, is_daily: bool = False) -> PriceProposal | None:
    """Ask the gateway of `key` for its prices, and keep what they would change; None where that is nothing.

    The requests run outside any transaction, and each is on record. `is_daily`: nobody has asked for it, so
    that what somebody dismissed does not come back. Raises Refused with a sentence where the
    gateway has no table, or none for the price group of `key`.
    """
    tariff = price_list.tariff_for(key.base_url)
    try:
        listed, unreadable, currency = _ask(key, person)
    except Refused as refusal:
        _note(tariff, str(refusal))
        raise
    _note(tariff, "")
    return _propose(tariff, key.price_group, listed, unreadable, currency, is_daily=is_daily)


def read_what_is_due(*, now: datetime | None = None) -> None:
    """Read anew, once a day, each table that an admin has read before. It only makes proposals."""
    now = now or timezone.now()
    due = Tariff.objects.filter(read_at__lte=now - READ_EVERY)
    for tariff in due:
        # Tried once, whatever comes of it: a gateway that is away is not asked again and again.
        if not Tariff.objects.filter(pk=tariff.pk, read_at=tariff.read_at).update(read_at=now):
            continue
        for key in keys_of(tariff.base_url):
            try:
                read(key, is_daily=True)
            except Refused:
                # The tariff keeps the sentence; the panel shows it.
                continue


def _ask(key: GatewayKey, person: User | None) -> tuple[list[ListedPrice], int, str]:
    client = gateway.client_for(key)
    try:
        table = _recorded(key, person, client.prices)
    except errors.ChainHubError as error:
        raise Refused(_without_a_table(key, error)) from None
    try:
        listed, unreadable = table.prices_in(key.price_group)
    except KeyError:
        known = ", ".join(group_names(table)) or "none"
        raise Refused(
            f"The gateway’s table has no price group “{key.price_group}”. It has: {known}. "
            "Set the price group of the key."
        ) from None
    if not listed:
        raise Refused("The gateway’s table holds no price for this group. Nothing was changed.")
    try:
        currency = _recorded(key, person, client.currency)
    except errors.ChainHubError:
        # Prices without a word about their currency are prices all the same.
        currency = ""
    return listed, unreadable, currency


def _recorded(key: GatewayKey, person: User | None, ask: Callable[[], Found]) -> Found:
    """Send one request by `ask`, and write down that it was sent. It costs nothing."""
    call = calls.begin(purpose=Purpose.SYNC, key=key, person=person)
    started = time.monotonic()
    error: errors.ChainHubError | None = None
    try:
        return ask()
    except errors.ChainHubError as failure:
        error = failure
        raise
    finally:
        calls.end(
            call,
            status=getattr(error, "status", None) if error else 200,
            request_id=error.request_id if error else "",
            error_kind=error.kind if error else "",
            total_ms=round((time.monotonic() - started) * 1000),
            is_free=True,
        )


def _without_a_table(key: GatewayKey, error: errors.ChainHubError) -> str:
    if isinstance(error, errors.WrongAddress | errors.UnreadableReply) and error.kind != "redirected":
        return "The gateway tells no price table (GET /api/pricing). Prices can be put in by hand."
    return gateway.explain(error, secret=keys.secret_or_nothing(key))


def _note(tariff: Tariff, problem: str) -> None:
    Tariff.objects.filter(pk=tariff.pk).update(read_at=timezone.now(), read_problem=problem[:500])


@transaction.atomic
def _propose(
    tariff: Tariff,
    price_group: str,
    listed: list[ListedPrice],
    unreadable: int,
    currency: str,
    *,
    is_daily: bool,
) -> PriceProposal | None:
    tariff = Tariff.objects.select_for_update().get(pk=tariff.pk)
    now = timezone.now()
    proposals = PriceProposal.objects.filter(tariff=tariff, price_group=price_group)
    proposal: PriceProposal | None = PriceProposal(
        tariff=tariff,
        price_group=price_group,
        rows={
            "rows": [[row.model_name, row.input, row.output, row.per_call] for row in listed],
            "unreadable": unreadable,
            "currency": currency,
            "seen": _mark(tariff, price_group, now),
        },
    )
    if proposal and not any(row.kind in EFFECTIVE for row in differences(proposal, now=now)):
        proposal = None
    same = proposals.filter(rows=proposal.rows).order_by("-id").first() if proposal else None
    if same and (same.state == ProposalState.OPEN or (is_daily and same.decided_by_id is not None)):
        # Somebody looks at it already, or has said no to exactly this.
        return same if same.state == ProposalState.OPEN else None
    # What was read before is out of date.
    proposals.filter(state=ProposalState.OPEN).update(state=ProposalState.DISMISSED, decided_at=now)
    if proposal:
        proposal.save()
    return proposal


# --- What it would change --------------------------------------------------------------------------


def differences(proposal: PriceProposal, *, now: datetime | None = None) -> list[Difference]:
    """Compare the proposal with the prices in force, by model name. One query."""
    present = pricing.in_force(proposal.tariff, proposal.price_group, at=now or timezone.now())
    found = []
    for name, *amounts in proposal.rows["rows"]:
        after = dict(zip(("input", "output", "per_call"), amounts, strict=True))
        found.append(_difference(name, present.pop(name, None), after))
    # Only what came from a table can be gone from it. What was put in by hand stays.
    gone = [row for row in present.values() if row.source == PriceSource.IMPORT]
    found += [
        Difference(row.model_name, Kind.GONE, pricing.amounts_of(row), {}, is_listed=False) for row in gone
    ]
    return sorted(found, key=lambda row: row.model_name)


def _difference(name: str, price: Price | None, after: dict[str, int | None]) -> Difference:
    before = pricing.amounts_of(price) if price else {}
    is_unset = all(value is None for value in after.values())
    if price is None:
        return Difference(name, Kind.UNPRICED if is_unset else Kind.NEW, {}, after)
    if price.source == PriceSource.HAND:
        return Difference(name, Kind.KEPT, before, after)
    if is_unset:
        return Difference(name, Kind.GONE, before, after)
    same = all(before.get(field) == value for field, value in after.items())
    return Difference(name, Kind.SAME if same else Kind.CHANGED, before, after)


def told_currency(proposal: PriceProposal) -> str:
    """Return the currency that Apply sets: what the gateway told, where no admin has said another."""
    told: str = proposal.rows.get("currency", "")
    is_untouched = proposal.tariff.currency == pricing.CREDITS and not proposal.tariff.prices.exists()
    return told if is_untouched else ""


# --- Deciding --------------------------------------------------------------------------------------


@transaction.atomic
def apply(proposal: PriceProposal, *, by: User | None) -> int:
    """Let the proposed prices begin now, and return how many models changed.

    Raises Refused where somebody else has decided already, or where prices have changed since it was read.
    """
    tariff = Tariff.objects.select_for_update().get(pk=proposal.tariff_id)
    proposal = PriceProposal.objects.select_related("tariff").get(pk=proposal.pk)
    now = timezone.now()
    _decide(proposal, ProposalState.APPLIED, now=now, by=by)
    if proposal.rows["seen"] != _mark(tariff, proposal.price_group, now):
        raise Refused("Prices have changed since this table was read. Read it again, then look and apply.")
    found = [row for row in differences(proposal, now=now) if row.kind in EFFECTIVE]
    if currency := told_currency(proposal):
        price_list.set_currency(tariff, currency, by=by)
    begun = [
        price_list.NewPrice(row.model_name, row.after, PriceSource.IMPORT)
        for row in found
        if row.kind != Kind.GONE
    ]
    ended = [row.model_name for row in found if row.kind == Kind.GONE]
    price_list.replace(tariff, proposal.price_group, begun=begun, ended=ended, now=now, by=by)
    counts = {kind.value: [None, sum(row.kind == kind for row in found)] for kind in EFFECTIVE}
    audit.record("price.applied", subject=proposal, actor=by, changes=counts)
    return len(found)


@transaction.atomic
def dismiss(proposal: PriceProposal, *, by: User | None) -> None:
    """Leave the prices as they are. Raises Refused where somebody else has decided already."""
    _decide(proposal, ProposalState.DISMISSED, now=timezone.now(), by=by)
    audit.record("price.dismissed", subject=proposal, actor=by)


def open_proposals() -> list[PriceProposal]:
    """Return what waits for an admin, without the practice gateway's where another key answers."""
    waiting = PriceProposal.objects.filter(state=ProposalState.OPEN).select_related("tariff")
    used: Any = GatewayKey.objects.usable().values("base_url")
    of_others = ~Q(tariff__base_url=keys.PRACTICE_BASE_URL)
    return list(waiting.filter(of_others | Q(tariff__base_url__in=used)).order_by("id"))


def _decide(proposal: PriceProposal, state: ProposalState, *, now: datetime, by: User | None) -> None:
    # Conditional: of two admins at once one wins, and the other is told.
    mine = PriceProposal.objects.filter(pk=proposal.pk, state=ProposalState.OPEN)
    if not mine.update(state=state, decided_by=by, decided_at=now):
        raise Refused("This was decided already, or a newer table was read. Nothing was changed.")


def _mark(tariff: Tariff, price_group: str, now: datetime) -> str:
    """Return what changes as soon as any price in force or to come is another one."""
    rows = Price.objects.filter(tariff=tariff, price_group=price_group)
    still = rows.filter(Q(valid_until=None) | Q(valid_until__gt=now)).order_by("id")
    text = repr([(pk, str(until)) for pk, until in still.values_list("pk", "valid_until")])
    return hashlib.sha256(text.encode()).hexdigest()


def keys_of(base_url: str) -> list[GatewayKey]:
    """Return one enabled key for each price group at `base_url`: through these a table can be read."""
    groups: dict[str, GatewayKey] = {}
    for key in GatewayKey.objects.usable().filter(base_url=base_url).order_by("id"):
        groups.setdefault(key.price_group, key)
    return list(groups.values())
