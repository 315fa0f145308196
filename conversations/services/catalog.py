"""Which models there are: read from the gateway, offered to people, one of them the default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from conversations.chainhub.catalog import (
    CatalogModel,
    choose_default,
    guess_thinking,
    guess_vision,
    is_chat_model,
    wire_for,
)
from conversations.models import GatewayKey, KeyModel, KeySource, Model, Purpose, User
from conversations.services import listings
from conversations.services.errors import Refused

SYNC_INTERVAL = timedelta(hours=24)
# A key with a problem is tried again soon: its gateway may only have been away for a moment.
SYNC_INTERVAL_WITH_PROBLEM = timedelta(minutes=1)
MODELS_LIMIT = 5_000
_NAME_LIMIT = 200
_UNUSABLE_NAME = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufffd]")


@dataclass(frozen=True)
class SyncResult:
    """What one sync found. With a `problem` nothing was changed."""

    key_name: str
    new: int = 0
    gone: int = 0
    total: int = 0
    chat_capable: int = 0
    problem: str = ""

    @property
    def sentence(self) -> str:
        if self.problem:
            return self.problem
        return (
            f"{listings.count(self.total)}, {self.chat_capable} of them for chat; "
            f"{self.new} new, {self.gone} gone since the last time."
        )


@dataclass(frozen=True)
class KeyReport:
    """What a test of a key found."""

    is_ok: bool
    # Where it is not ok: whether the key may be good all the same.
    may_work: bool
    sentence: str


# --- What people may choose ------------------------------------------------------------------------


def offered_models() -> list[Model]:
    """Return what people may choose from, in the picker's order."""
    return list(Model.objects.offered())


def default_model() -> Model | None:
    """Return the model of a new conversation: the admins' choice, else a well-known one."""
    offered = {model.name: model for model in Model.objects.offered()}
    chosen = next((model for model in offered.values() if model.is_default), None)
    if chosen is None and (name := choose_default(offered)):
        chosen = offered[name]
    return chosen


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
    _mark_default(model)


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
        sentence=" ".join(filter(None, [found, listings.balance_of(key), took])),
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


def sync_key(key: GatewayKey, *, person: User | None = None) -> SyncResult:
    """Read the model list of `key`, and bring the rows up to date with it.

    New models are enabled where they can chat. What an admin has set is never changed. The request runs
    outside any transaction. Raises nothing that the gateway causes.
    """
    now = timezone.now()
    listing = listings.ask(key, purpose=Purpose.SYNC, person=person)
    problem = listing.problem
    if not problem and not listing.models:
        problem = "The gateway told an empty list of models. Nothing was changed."
    result = SyncResult(key.name, problem=problem) if problem else _store(key, listing.models)
    # Also after a failure: it says when it was tried, and the engine need not try again at once.
    GatewayKey.objects.filter(pk=key.pk).update(synced_at=now, sync_result=result.sentence[:500])
    key.synced_at, key.sync_result = now, result.sentence[:500]
    return result


@transaction.atomic
def _store(key: GatewayKey, models: tuple[CatalogModel, ...]) -> SyncResult:
    # Two syncs at once take turns: both may want to name the default.
    if key.pk not in [row.pk for row in GatewayKey.objects.select_for_update().order_by("id")]:
        return SyncResult(key.name, problem="The key was deleted meanwhile.")
    listed = {model.name: model for model in models[:MODELS_LIMIT] if _is_usable_name(model.name)}
    rows = _rows_for(listed)
    served = dict(key.key_models.values_list("model_id", "id"))
    new = [row for row in rows if row.pk not in served]
    KeyModel.objects.bulk_create([KeyModel(key=key, model=row) for row in new], ignore_conflicts=True)
    gone = _forget_unlisted(key, listed)
    _choose_default(key)
    return SyncResult(
        key.name,
        new=len(new),
        gone=gone,
        total=len(listed),
        chat_capable=sum(is_chat_model(model) for model in listed.values()),
    )


def _rows_for(listed: dict[str, CatalogModel]) -> list[Model]:
    """Return a row for each listed model, made where it was missing."""
    # All rows, not `name__in`: a list of 600 names is longer than some databases take parameters.
    known = {row.name: row for row in Model.objects.all()}
    Model.objects.bulk_create(
        [_new_row(model) for name, model in listed.items() if name not in known], ignore_conflicts=True
    )
    rows = [row for row in Model.objects.all() if row.name in listed]
    told = []
    for row in rows:
        types = _stored_types(listed[row.name])
        if row.endpoint_types != types:
            row.endpoint_types = types
            told.append(row)
    Model.objects.bulk_update(told, ["endpoint_types"])
    return rows


def _new_row(model: CatalogModel) -> Model:
    return Model(
        name=model.name,
        endpoint_types=_stored_types(model),
        has_vision=guess_vision(model.name),
        has_thinking=guess_thinking(model.name),
        wire=wire_for(model),
        is_enabled=is_chat_model(model) and "*" not in model.name,
    )


def _stored_types(model: CatalogModel) -> list[str]:
    # An empty list, not null, where nothing was told: null is what a model that was added by hand has.
    return [name[:50] for name in (model.endpoint_types or ())[:20]]


def _forget_unlisted(key: GatewayKey, listed: dict[str, CatalogModel]) -> int:
    """Remove what `key` does not list any more. Models added by hand stay: no list ever had them."""
    by_list = key.key_models.filter(model__endpoint_types__isnull=False)
    unlisted = [pk for pk, name in by_list.values_list("id", "model__name") if name not in listed]
    for start in range(0, len(unlisted), 500):
        KeyModel.objects.filter(pk__in=unlisted[start : start + 500]).delete()
    return len(unlisted)


def _choose_default(key: GatewayKey) -> None:
    # In the order of the gateway's own list: where no name is preferred, its first one it is.
    offered = {model.name: model for model in Model.objects.offered().order_by("id")}
    if any(model.is_default for model in offered.values()):
        return
    if key.source == KeySource.PRACTICE and Model.objects.filter(is_default=True).exists():
        # The practice gateway only stands in: the choice waits for its key.
        return
    if name := choose_default(offered):
        _mark_default(offered[name])


def _mark_default(model: Model) -> None:
    # In this order: one row at most may be the default at any time.
    Model.objects.filter(is_default=True).exclude(pk=model.pk).update(is_default=False)
    Model.objects.filter(pk=model.pk).update(is_default=True)
    model.is_default = True


def _is_usable_name(name: str) -> bool:
    return 0 < len(name) <= _NAME_LIMIT and not _UNUSABLE_NAME.search(name)
