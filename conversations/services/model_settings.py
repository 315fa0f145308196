"""What admins set of models: of one, and of hundreds at once; and which groups begin with which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count

from conversations.models import GatewayKey, Model, ModelDefault, Wire
from conversations.services import audit
from conversations.services.errors import Refused

# The columns that say what a model can do, and how the panel says it.
CAPABILITIES: dict[str, str] = {
    "has_vision": "Sees pictures",
    "has_documents": "Reads documents",
    "has_tools": "Uses tools",
    "has_thinking": "Thinking effort can be set",
    "has_structured_output": "Answers in a given structure",
    "is_streaming": "Streams",
}
_ORDERS = (-1_000_000, 1_000_000)
_BATCH = 500


@dataclass(frozen=True)
class Changes:
    """What to set of many models; None, and what is not named, stays as it is in each.

    `groups`: who may use them from now on; an empty collection is everybody.
    """

    is_enabled: bool | None = None
    wire: str | None = None
    order: int | None = None
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    groups: Collection[Group] | None = None
    clears_display_name: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        """The columns to set, with their values."""
        told = {"is_enabled": self.is_enabled, "wire": self.wire, "order": self.order, **self.capabilities}
        if self.clears_display_name:
            told["display_name"] = ""
        return {name: value for name, value in told.items() if value is not None}


@transaction.atomic
def change_many(pks: Iterable[int], changes: Changes) -> int:
    """Set the same of many models, and return of how many that was new. All of them, or none.

    One entry in the audit log for each that it changes; the number of queries grows by a few with each
    hundred. Raises Refused for what can't be set, and where the default for everyone would be limited.
    """
    _refuse_nonsense(changes)
    chosen = {model.pk: model for model in Model.objects.select_for_update().order_by("id")}
    chosen = {pk: chosen[pk] for pk in dict.fromkeys(pks) if pk in chosen}
    told: dict[Model, dict[str, Any]] = {}
    for model in chosen.values():
        changed = {name: value for name, value in changes.fields.items() if getattr(model, name) != value}
        if changed:
            told[model] = {name: [getattr(model, name), value] for name, value in changed.items()}
        for name, value in changed.items():
            setattr(model, name, value)
    if told:
        Model.objects.bulk_update(list(told), list(changes.fields), batch_size=_BATCH)
    if changes.groups is not None:
        for model, pair in _limit(list(chosen.values()), changes.groups).items():
            told.setdefault(model, {})["groups"] = pair
    for action, entries in _by_action(told).items():
        audit.record_many(action, entries)
    return len(told)


def _by_action(told: dict[Model, dict[str, Any]]) -> dict[str, dict[Model, dict[str, Any]]]:
    """Sort entries by what happened: enabled and disabled have words of their own."""
    found: dict[str, dict[Model, dict[str, Any]]] = {}
    for model, changes in told.items():
        rest = {name: pair for name, pair in changes.items() if name != "is_enabled"}
        if "is_enabled" in changes:
            found.setdefault("model.enabled" if model.is_enabled else "model.disabled", {})[model] = {}
        if rest:
            found.setdefault("model.changed", {})[model] = rest
    return found


def _refuse_nonsense(changes: Changes) -> None:
    if changes.wire is not None and changes.wire not in Wire:
        raise Refused("There is no such format.")
    if changes.order is not None and not _ORDERS[0] <= changes.order <= _ORDERS[1]:
        raise Refused("A place lies between -1000000 and 1000000.")
    if not changes.capabilities.keys() <= CAPABILITIES.keys():
        raise Refused("There is no such capability.")
    if not changes.fields and changes.groups is None:
        raise Refused("Choose what to change.")


# --- Groups ----------------------------------------------------------------------------------------


def refuse_a_limited_default(models: Iterable[Model], groups: Collection[Group]) -> None:
    """Raise Refused where the default for everyone would be for `groups` alone."""
    limited = next((model for model in models if model.is_default), None) if groups else None
    if limited:
        raise Refused(
            f"“{limited}” is what everybody begins with: it can't be limited to groups. "
            "Make another model the default first."
        )


@transaction.atomic
def set_groups(model: Model, groups: Collection[Group]) -> None:
    """Say who may use `model`; nobody named is everybody. Raises Refused as refuse_a_limited_default does."""
    _limit([Model.objects.select_for_update().get(pk=model.pk)], groups)


def _limit(models: list[Model], groups: Collection[Group]) -> dict[Model, list[str]]:
    refuse_a_limited_default(models, groups)
    through = Model.groups.through._default_manager
    names = dict(Group.objects.values_list("pk", "name"))
    before: dict[int, set[int]] = {model.pk: set() for model in models}
    for model_id, group_id in through.values_list("model_id", "group_id"):
        if model_id in before:
            before[model_id].add(group_id)
    after = {group.pk for group in groups}
    differing = [model for model in models if before[model.pk] != after]
    pks = [model.pk for model in differing]
    for start in range(0, len(pks), _BATCH):
        through.filter(model_id__in=pks[start : start + _BATCH]).delete()
    through.bulk_create([through.model(model_id=pk, group_id=group) for pk in pks for group in after])
    return {model: [_named(before[model.pk], names), _named(after, names)] for model in differing}


def _named(groups: Iterable[int], names: Mapping[int, str]) -> str:
    return ", ".join(sorted(names.get(pk, "?") for pk in groups)) or "everybody"


def refuse_to_open(group: Group) -> None:
    """Raise Refused where models or keys are for `group` alone: without it they would be for everybody."""
    alone = [
        str(row)
        for rows in (Model.objects.all(), GatewayKey.objects.all())
        for row in rows.annotate(number=Count("groups")).filter(number=1, groups=group).order_by("name")[:5]
    ]
    if alone:
        raise Refused(
            f"Limited to this group alone: {', '.join(alone)}. Without it everybody could use that. "
            "Choose other groups there, or disable it, first."
        )


# --- What groups begin with ------------------------------------------------------------------------


def groups_that_begin_with(model: Model) -> list[Group]:
    """Return the groups whose default `model` is, by name. One query."""
    return list(Group.objects.filter(model_default__model=model).order_by("name", "id"))


@transaction.atomic
def set_group_defaults(model: Model, groups: Collection[Group]) -> list[str]:
    """Let the people of `groups` begin with `model`, and those of other groups no more; return what is new.

    A group has one default: that of another model is replaced. Raises Refused where the people of a group
    could not choose it.
    """
    limits = set(model.groups.values_list("pk", flat=True))
    if shut := [group.name for group in groups if limits and group.pk not in limits]:
        raise Refused(f"“{model}” is not for {', '.join(shut)}: they can't begin with it.")
    if groups and not model.is_enabled:
        raise Refused(f"Enable “{model}” first: groups can only begin with what people may choose.")
    present = {
        row.group_id: row for row in ModelDefault.objects.select_for_update().select_related("model", "group")
    }
    changed = []
    for group in groups:
        row = present.get(group.pk)
        if row is None or row.model_id != model.pk:
            ModelDefault.objects.update_or_create(group=group, defaults={"model": model})
            _record_default(group, row.model if row else None, model)
            changed.append(group.name)
    kept = {group.pk for group in groups}
    for row in present.values():
        if row.model_id == model.pk and row.group_id not in kept:
            row.delete()
            _record_default(row.group, model, None)
            changed.append(row.group.name)
    return changed


def _record_default(group: Group, before: Model | None, after: Model | None) -> None:
    pair = [str(before) if before else None, str(after) if after else None]
    told = {f"default of {group}": pair}
    audit.record("model.made_default", subject=after or before, changes=told)
