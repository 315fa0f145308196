"""Which tools the admins let people use, and whom: the setting "tools".

It is {"disabled": [names], "groups": {name: [names of groups]}}: a tool named under "groups" is for their
members only. What can't be read as that switches off, never on.

Beside them "definitions" keeps what an admin has last seen of each tool: {name: definition}. A tool that is
defined otherwise now is off until an admin has seen the difference.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction

from conversations.models import Setting
from conversations.services import audit, roles
from conversations.services.errors import Refused

SETTING = "tools"


@dataclass(frozen=True)
class Offer:
    """Whether one tool is on, and for whom: `groups` None is everyone, else the members of any of them.

    A name that no group has matches nobody: a deleted group never opens a tool.
    """

    is_on: bool = True
    groups: frozenset[str] | None = None

    def is_open_to(self, names: Collection[str]) -> bool:
        """Say whether a person in the groups `names` may use the tool."""
        return self.is_on and (self.groups is None or not self.groups.isdisjoint(names))

    @property
    def in_words(self) -> str:
        state = "on" if self.is_on else "off"
        if self.groups is None:
            return f"{state}, for everyone"
        return f"{state}, for {', '.join(sorted(self.groups)) or 'no group'}"


# What holds for a tool of which the setting says nothing.
EVERYONES = Offer()


def read() -> dict[str, Offer] | None:
    """Return what is set, by the tools' names; None where that can't be read. One query."""
    return read_all()[0]


def read_all() -> tuple[dict[str, Offer] | None, dict[str, object]]:
    """Return what is set, and the definitions that an admin has seen. One query."""
    value = Setting.objects.filter(name=SETTING).values_list("value", flat=True).first()
    return ({} if value is None else _parsed(value)), _definitions(value)


@transaction.atomic
def remember(definitions: Mapping[str, object]) -> None:
    """Keep the definitions of tools that were never seen before: the first one counts as seen."""
    row = Setting.objects.select_for_update().filter(name=SETTING).first()
    seen = _definitions(row.value) if row else {}
    if definitions.keys() <= seen.keys():
        return
    value = row.value if row and isinstance(row.value, dict) else {}
    if row and _parsed(row.value) is None:
        # What can't be read stays as it is, for an admin to see.
        return
    new = {**value, "definitions": {**definitions, **seen}}
    Setting.objects.update_or_create(name=SETTING, defaults={"value": new})


@transaction.atomic
def save(
    offers: Mapping[str, Offer],
    *,
    registered: Collection[str],
    definitions: Mapping[str, object] | None = None,
) -> list[str]:
    """Set who may use the tools in `offers`, and return the names of those for which that is new.

    `definitions` are those that the admin has just seen. The others stay as they are, also those that are not
    registered now: they may come back. Raises Refused for a tool not in `registered`, for a group that
    there is not (unless the tool was limited to it before it was deleted), and for a tool that is on and for
    nobody.
    """
    # Two admins who save at once take turns. (On SQLite the IMMEDIATE transaction sees to it.)
    row, _ = Setting.objects.select_for_update().get_or_create(name=SETTING, defaults={"value": {}})
    stored = _parsed(row.value)
    present = stored or {}
    there_are = set(roles.team_groups().values_list("name", flat=True))
    for name, offer in offers.items():
        _check(name, offer, present.get(name, EVERYONES), registered=registered, there_are=there_are)
    if stored is None:
        # Nothing was offered so far, and what is not mentioned stays switched off.
        present = {name: Offer(is_on=False) for name in registered}
    new = {**present, **offers}
    row.value = _stored(new) | _kept(row.value, definitions or {})
    row.save(update_fields=["value", "updated_at"])
    changed = [name for name in offers if stored is None or offers[name] != present.get(name, EVERYONES)]
    if changed:
        told = {name: [present.get(name, EVERYONES).in_words, offers[name].in_words] for name in changed}
        audit.record("tools.changed", kind="setting", name="Tools", changes=told)
    return changed


@transaction.atomic
def rename_group(old: str, new: str) -> None:
    """Let the tools that are limited to the group `old` follow it to its new name."""
    row = Setting.objects.select_for_update().filter(name=SETTING).first()
    offers = _parsed(row.value) if row else None
    if row is None or offers is None:
        return
    renamed = {
        name: Offer(offer.is_on, (offer.groups - {old}) | {new})
        for name, offer in offers.items()
        if offer.groups and old in offer.groups
    }
    if renamed:
        row.value = _stored({**offers, **renamed}) | _kept(row.value, {})
        row.save(update_fields=["value", "updated_at"])


def _check(
    name: str, offer: Offer, before: Offer, *, registered: Collection[str], there_are: Collection[str]
) -> None:
    if name not in registered:
        raise Refused(f"There is no tool “{name[:64]}”.")
    for group in sorted(offer.groups or ()):
        if group not in there_are and group not in (before.groups or ()):
            raise Refused(f"{name}: there is no group “{group[:150]}”.")
    if offer.is_on and offer.groups is not None and not offer.groups:
        raise Refused(f"{name}: choose at least one group, or switch the tool off.")


def _stored(offers: Mapping[str, Offer]) -> dict[str, object]:
    return {
        "disabled": sorted(name for name, offer in offers.items() if not offer.is_on),
        "groups": {
            name: sorted(offer.groups) for name, offer in sorted(offers.items()) if offer.groups is not None
        },
    }


def _definitions(value: object) -> dict[str, object]:
    found = value.get("definitions") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _kept(value: object, definitions: Mapping[str, object]) -> dict[str, object]:
    kept = {**_definitions(value), **definitions}
    return {"definitions": kept} if kept else {}


def _parsed(value: object) -> dict[str, Offer] | None:
    if not isinstance(value, dict):
        return None
    disabled, groups = value.get("disabled", []), value.get("groups", {})
    if not _is_names(disabled) or not isinstance(groups, dict):
        return None
    if not all(_is_names(names) for names in groups.values()):
        return None
    return {
        name: Offer(name not in disabled, frozenset(groups[name]) if name in groups else None)
        for name in {*disabled, *groups}
    }


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
