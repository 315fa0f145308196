"""Which models there are: read from the gateway, offered to people, one of them the default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from conversations.chainhub.catalog import choose_default, is_chat_model
from conversations.models import (
    GatewayKey,
    KeyModel,
    KeySource,
    Model,
    ModelDefault,
    Purpose,
    User,
)
from conversations.services import audit, balances, listings, model_lists, model_proposals
from conversations.services.errors import Refused

SYNC_INTERVAL = timedelta(hours=24)
# A key with a problem is tried again soon: its gateway may only have been away for a moment.
SYNC_INTERVAL_WITH_PROBLEM = timedelta(minutes=1)


@dataclass(frozen=True)
class SyncResult:
    """What one sync found. With a `problem` nothing was changed."""

    key_name: str
    new: int = 0
    changed: int = 0
    gone: int = 0
    total: int = 0
    chat_capable: int = 0
    problem: str = ""
    # Something differs and was not taken over: it waits for an admin.
    is_waiting: bool = False

    @property
    def sentence(self) -> str:
        if self.problem:
            return self.problem
        has = f"{listings.count(self.total)}, {self.chat_capable} of them for chat"
        if self.is_waiting:
            return (
                f"{has}; {self.new} new, {self.changed} changed, {self.gone} gone. "
                "Nothing changes before it is applied."
            )
        return f"{has}; {self.new} new, {self.gone} gone since the last time."


@dataclass(frozen=True)
class KeyReport:
    """What a test of a key found."""

    is_ok: bool
    # Where it is not ok: whether the key may be good all the same.
    may_work: bool
    sentence: str


# --- What people may choose ------------------------------------------------------------------------


def offered_models(person: User | None = None) -> list[Model]:
    """Return what `person` may choose from, in the picker's order; nobody: what is open to everybody.

    The one that their new conversations begin with has `is_first_choice`. One query.
    """
    theirs = ModelDefault.objects.filter(group__user=person) if person else ModelDefault.objects.none()
    of_group = theirs.filter(model=OuterRef("pk")).order_by("group__name")
    rows: Any = Model.objects.offered_to(person)
    models = list(rows.annotate(default_of=Subquery(of_group.values("group__name")[:1])))
    first = _first_choice(models)
    for model in models:
        model.is_first_choice = model is first
    return models


def default_model(person: User | None = None) -> Model | None:
    """Return the model of a new conversation: of the person's first group by name that has one that they may
    choose, else the admins' for everyone, else a well-known one.
    """
    return next((model for model in offered_models(person) if model.is_first_choice), None)  # type: ignore[attr-defined]


def _first_choice(models: list[Any]) -> Any:
    of_groups = [model for model in models if model.default_of]
    if of_groups:
        return min(of_groups, key=lambda model: model.default_of)
    if chosen := next((model for model in models if model.is_default), None):
        return chosen
    name = choose_default([model.name for model in models])
    return next((model for model in models if model.name == name), None)


def is_practice() -> bool:
    """Say whether only the practice gateway answers."""
    return GatewayKey.objects.usable().filter(source=KeySource.PRACTICE).exists()


@transaction.atomic
def make_default(model: Model) -> None:
    """Let new conversations begin with `model`. Raises Refused where people could not choose it."""
    if not model.is_enabled:
        raise Refused(f"Enable “{model}” first: the default must be a model that people may choose.")
    if not Model.objects.served().filter(pk=model.pk).exists():
        raise Refused(f"No enabled key serves “{model}”: it can't be the default.")
    if model.groups.exists():
        raise Refused(f"“{model}” is limited to groups: what everybody begins with must be for everybody.")
    model_lists.mark_default(model)
    audit.record("model.made_default", subject=model)


@transaction.atomic
def set_keys(model: Model, keys: list[GatewayKey]) -> None:
    """Say which keys serve a model that was added by hand. Raises Refused for one that a gateway lists."""
    if is_synced(model):
        raise Refused(f"The gateway itself says which keys serve “{model}”.")
    model.key_models.exclude(key__in=keys).delete()
    KeyModel.objects.bulk_create([KeyModel(key=key, model=model) for key in keys], ignore_conflicts=True)


def is_synced(model: Model) -> bool:
    """Say whether a gateway has listed it. Added by hand it has no endpoint types, not even none."""
    return model.endpoint_types is not None


# --- Asking a key ----------------------------------------------------------------------------------


def test_key(key: GatewayKey, *, person: User | None = None) -> KeyReport:  # noqa: PT028 - no pytest test
    """Try `key`, and say in a sentence what was found. Never a reply's body, never the secret."""
    listing = listings.ask(key, purpose=Purpose.TEST, person=person)
    took = f"Answered in {listing.seconds:.2f} s."
    if listing.problem:
        sentence = f"{listing.problem} ({listing.seconds:.2f} s)" if listing.seconds else listing.problem
        return KeyReport(is_ok=False, may_work=listing.may_work, sentence=sentence)
    chat = sum(is_chat_model(model) for model in listing.models)
    found = f"The key works: {listings.count(len(listing.models))}, {chat} of them for chat."
    return KeyReport(
        is_ok=True,
        may_work=True,
        sentence=" ".join(filter(None, [found, balances.look_up(key), took])),
    )


# --- Reading the gateway's list --------------------------------------------------------------------


def needs_sync(key: GatewayKey, now: datetime) -> bool:
    """Say whether the models of `key` should be read (again) now."""
    if key.synced_at is None:
        return True
    interval = SYNC_INTERVAL_WITH_PROBLEM if key.problem_kind else SYNC_INTERVAL
    return now - key.synced_at >= interval


def sync_all() -> list[SyncResult]:
    """Read the models of every usable key, one after the other."""
    # Looked up first: the list must not change under the syncs.
    return [sync_key(key) for key in GatewayKey.objects.usable().order_by("id")]


def sync_key(key: GatewayKey, *, person: User | None = None, is_daily: bool = False) -> SyncResult:
    """Read the model list of `key`: take it over, or keep what it would change for an admin to look at.

    services.model_proposals says when which. What an admin has set is never changed. `is_daily`: nobody has
    asked. The request runs outside any transaction. Raises nothing that the gateway causes.
    """
    now = timezone.now()
    listing = listings.ask(key, purpose=Purpose.SYNC, person=person)
    problem = listing.problem
    if not problem and not listing.models:
        problem = "The gateway told an empty list of models. Nothing was changed."
    result = SyncResult(key.name, problem=problem) if problem else _taken(key, listing, is_daily=is_daily)
    # Also after a failure: it says when it was tried, and the engine need not try again at once. But a key
    # whose secret or address was replaced meanwhile has not been asked yet.
    row = GatewayKey.objects.filter(pk=key.pk, ciphertext=key.ciphertext, base_url=key.base_url)
    row.update(synced_at=now, sync_result=result.sentence[:500])
    key.synced_at, key.sync_result = now, result.sentence[:500]
    return result


def _taken(key: GatewayKey, listing: listings.Listing, *, is_daily: bool) -> SyncResult:
    try:
        counts = model_proposals.take(key, listing.models, is_daily=is_daily)
    except Refused as refusal:
        return SyncResult(key.name, problem=str(refusal))
    return SyncResult(
        key.name,
        new=counts.new,
        changed=counts.changed,
        gone=counts.gone,
        total=counts.total,
        chat_capable=counts.chat_capable,
        is_waiting=not counts.is_applied,
    )
