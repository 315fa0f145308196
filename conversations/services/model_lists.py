"""The models that a key lists: compared with what it serves, and written down."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from conversations.chainhub.catalog import (
    CatalogModel,
    choose_default,
    guess_thinking,
    guess_vision,
    is_chat_model,
    wire_for,
)
from conversations.models import GatewayKey, KeyModel, KeySource, Model

MODELS_LIMIT = 5_000
_NAME_LIMIT = 200
_UNUSABLE_NAME = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufffd]")
_BATCH = 500
# What the gateway said of a model: names of endpoint types, none where it said nothing.
Types = list[str]


class Kind(StrEnum):
    """What a proposal would do to one model."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True)
class Difference:
    """One model: what the key's list said of it, what it says now. None: not in the list."""

    name: str
    kind: Kind
    before: Types | None
    after: Types | None
    # The row, where any key has served it before.
    model: Model | None = None
    # Where it stands in the gateway's list.
    place: int = 0

    @property
    def can_chat(self) -> bool:
        """Whether it probably answers questions: such models of a first list are enabled."""
        return is_chat_model(_as_listed(self.name, self.after or self.before or []))


@dataclass(frozen=True)
class Counts:
    """How many models are new, changed and gone, and how many the list has: in all, and for chat."""

    new: int
    changed: int
    gone: int
    total: int = 0
    chat_capable: int = 0
    # False: they wait in a proposal.
    is_applied: bool = True

    @property
    def differing(self) -> int:
        return self.new + self.changed + self.gone


# --- Reading a list --------------------------------------------------------------------------------


def usable(models: Iterable[CatalogModel]) -> dict[str, Types]:
    """Return the names that can be one, with what was said of each, in the order of the list."""
    named = ((model.name, model.endpoint_types or ()) for model in list(models)[:MODELS_LIMIT])
    # An empty list, not null, where nothing was told: null is what a model that was added by hand has.
    return {name: [told[:50] for told in types[:20]] for name, types in named if _is_usable_name(name)}


def _is_usable_name(name: str) -> bool:
    return 0 < len(name) <= _NAME_LIMIT and not _UNUSABLE_NAME.search(name)


def has_list(key: GatewayKey) -> bool:
    """Say whether `key` serves something that a list has told."""
    return key.key_models.filter(model__endpoint_types__isnull=False).exists()


def _as_listed(name: str, types: Types) -> CatalogModel:
    return CatalogModel(name, tuple(types) or None)


def counts(found: list[Difference], allowed: dict[str, Types], *, is_applied: bool = True) -> Counts:
    """Count what `found` does, and what the list has that the key may serve."""
    return Counts(
        **{kind.value: sum(row.kind == kind for row in found) for kind in Kind},
        total=len(allowed),
        chat_capable=sum(is_chat_model(_as_listed(name, types)) for name, types in allowed.items()),
        is_applied=is_applied,
    )


# --- Comparing -------------------------------------------------------------------------------------


def mark_of(found: Iterable[Difference]) -> str:
    """Return what changes as soon as a difference is another one: by it a page knows that it is stale."""
    told = [(row.name, row.kind.value, row.before, row.after) for row in found]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def compare(key: GatewayKey, listed: dict[str, Types]) -> list[Difference]:
    """Return in what `listed`, as `usable` read it, differs from what `key` serves, by name. Two queries."""
    rows = {row.model.name: row for row in key.key_models.select_related("model")}
    # All of them, not `name__in`: a list of 600 names is longer than some databases take parameters.
    known = {model.name: model for model in Model.objects.all()}
    found = []
    for place, (name, types) in enumerate(listed.items()):
        row = rows.get(name)
        if not key.allows(name):
            continue
        if row is None:
            found.append(Difference(name, Kind.NEW, None, types, known.get(name), place))
        elif (before := _told_before(row)) != types:
            found.append(Difference(name, Kind.CHANGED, before, types, row.model))
    for name, row in rows.items():
        # Added by hand it stays: no list ever had it.
        if row.model.endpoint_types is not None and not (name in listed and key.allows(name)):
            found.append(Difference(name, Kind.GONE, _told_before(row), None, row.model))
    return sorted(found, key=lambda difference: difference.name)


def _told_before(row: KeyModel) -> Types | None:
    if row.endpoint_types is not None:
        return list(row.endpoint_types)
    # Written before each key had its own.
    types = row.model.endpoint_types
    return None if types is None else list(types)


# --- Writing ---------------------------------------------------------------------------------------


def write(key: GatewayKey, found: list[Difference], *, enable: Collection[str]) -> None:
    """Do what `found` says; the new ones among `enable` may be chosen from now on."""
    new = [row for row in found if row.kind == Kind.NEW]
    # In the list's order: `_choose_default` goes by it.
    unknown = [
        _new_row(row, is_enabled=row.name in enable)
        for row in sorted(new, key=lambda row: row.place)
        if row.model is None
    ]
    Model.objects.bulk_create(unknown, ignore_conflicts=True)
    rows = {model.name: model for model in Model.objects.all()}
    served = [KeyModel(key=key, model=rows[row.name], endpoint_types=row.after) for row in new]
    KeyModel.objects.bulk_create(served, ignore_conflicts=True)
    disabled = [rows[row.name] for row in new if row.name in enable and not rows[row.name].is_enabled]
    for model in disabled:
        model.is_enabled = True
    Model.objects.bulk_update(disabled, ["is_enabled"], batch_size=_BATCH)
    _note_types(key, [row for row in found if row.kind != Kind.GONE], rows)
    gone = [row.model.pk for row in found if row.kind == Kind.GONE and row.model]
    for start in range(0, len(gone), _BATCH):
        key.key_models.filter(model__in=gone[start : start + _BATCH]).delete()
    _choose_default(key)


def _note_types(key: GatewayKey, found: list[Difference], rows: dict[str, Model]) -> None:
    changed = {rows[row.name].pk: row.after for row in found if row.kind == Kind.CHANGED}
    own = [row for row in key.key_models.all() if row.model_id in changed]
    for row in own:
        row.endpoint_types = changed[row.model_id]
    KeyModel.objects.bulk_update(own, ["endpoint_types"], batch_size=_BATCH)
    told = [rows[row.name] for row in found if rows[row.name].endpoint_types != row.after]
    after = {row.name: row.after for row in found}
    for model in told:
        model.endpoint_types = after[model.name]
    Model.objects.bulk_update(told, ["endpoint_types"], batch_size=_BATCH)


def _new_row(row: Difference, *, is_enabled: bool) -> Model:
    return Model(
        name=row.name,
        endpoint_types=row.after,
        has_vision=guess_vision(row.name),
        has_thinking=guess_thinking(row.name),
        wire=wire_for(_as_listed(row.name, row.after or [])),
        # A name with a star is a pattern, not to be called as it stands.
        is_enabled=is_enabled and "*" not in row.name,
    )


def _choose_default(key: GatewayKey) -> None:
    # In the order of the gateway's own list: where no name is preferred, its first one it is.
    if Model.objects.offered().filter(is_default=True).exists():
        return
    offered = {model.name: model for model in Model.objects.offered_to(None).order_by("id")}
    if key.source == KeySource.PRACTICE and Model.objects.filter(is_default=True).exists():
        # The practice gateway only stands in: the choice waits for its key.
        return
    if name := choose_default(offered):
        mark_default(offered[name])


def mark_default(model: Model) -> None:
    """Make `model` the default for everyone, whatever the others were. The caller has a transaction."""
    # In this order: one row at most may be the default at any time.
    Model.objects.filter(is_default=True).exclude(pk=model.pk).update(is_default=False)
    Model.objects.filter(pk=model.pk).update(is_default=True)
    model.is_default = True
