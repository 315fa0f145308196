"""What admins choose for the whole site, under names: one row of Setting each, one definition here.

A setting that was never saved, or that can't be read as its kind, counts as its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from conversations.models import Setting
from conversations.services import audit
from conversations.services.errors import Refused


class Kind(StrEnum):
    SWITCH = "switch"
    CHOICE = "choice"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True)
class Definition:
    """One setting: what it is called, what it may be, and what it is where nobody chose.

    `choices` is for CHOICE alone: (value, words). `least` and `most` bound a NUMBER; None is "not set" there.
    """

    name: str
    label: str
    help_text: str
    kind: Kind
    default: Any
    choices: tuple[tuple[str, str], ...] = ()
    least: int = 0
    most: int = 1_000_000_000


TEMPORARY = Definition(
    "temporary_conversations",
    "Temporary conversations",
    "People may begin a conversation whose text is erased after a day. What it cost is kept.",
    Kind.SWITCH,
    default=True,
)
APPLY_MODEL_LISTS = Definition(
    "apply_model_lists",
    "Apply model lists by themselves",
    "What the list of a key has new, changed or gone is applied as soon as it is read, with nobody having "
    "seen it. New models come disabled. Off: it waits on the page Models.",
    Kind.SWITCH,
    default=False,
)

LEAVE_OUT, SUMMARISE = "leave_out", "summarise"
LONG_CONVERSATIONS = Definition(
    "long_conversations",
    "Where a conversation is longer than its model takes",
    "Whole turns only; pinned messages and the newest question are always sent.",
    Kind.CHOICE,
    default=LEAVE_OUT,
    choices=((LEAVE_OUT, "Leave out the oldest turns"), (SUMMARISE, "Summarise the oldest turns by a model")),
)
SUMMARY_MODEL = Definition(
    "summary_model",
    "Model for summaries",
    "Its name as the gateway knows it. Empty: TITLE_MODEL where that is set, else the model that answers.",
    Kind.TEXT,
    default="",
)
CONTEXT_SIZE = Definition(
    "context_size",
    "Context of models that tell none, in tokens",
    "Empty: such a model is sent everything.",
    Kind.NUMBER,
    default=None,
    least=1000,
)

# In the order of the panel's page.
DEFINITIONS: tuple[Definition, ...] = (
    TEMPORARY,
    APPLY_MODEL_LISTS,
    LONG_CONVERSATIONS,
    SUMMARY_MODEL,
    CONTEXT_SIZE,
)


def value_of(definition: Definition) -> Any:
    """Return what is chosen, or the default. One query."""
    stored = Setting.objects.filter(name=definition.name).values_list("value", flat=True).first()
    return definition.default if stored is None else _read(definition, stored)


def values() -> dict[str, Any]:
    """Return every setting's value by its name. One query."""
    names = [definition.name for definition in DEFINITIONS]
    stored = dict(Setting.objects.filter(name__in=names).values_list("name", "value"))
    return {
        definition.name: _read(definition, stored.get(definition.name, definition.default))
        for definition in DEFINITIONS
    }


@transaction.atomic
def save(chosen: Mapping[str, Any]) -> list[str]:
    """Store what was chosen; return the labels of what is new. Raises Refused for what a setting can't be."""
    # Two admins who save at once take turns. (On SQLite the IMMEDIATE transaction sees to it.)
    list(Setting.objects.select_for_update().filter(name__in=list(chosen)))
    before = values()
    changed = []
    for definition in DEFINITIONS:
        if definition.name not in chosen or chosen[definition.name] == before[definition.name]:
            continue
        value = chosen[definition.name]
        if not _fits(definition, value):
            raise Refused(f"{definition.label}: this can't be chosen.")
        if value is None:
            Setting.objects.filter(name=definition.name).delete()
        else:
            Setting.objects.update_or_create(name=definition.name, defaults={"value": value})
        told = {definition.label: [before[definition.name], value]}
        audit.record("setting.changed", kind="setting", name=definition.label, changes=told)
        changed.append(definition.label)
    return changed


def _read(definition: Definition, stored: object) -> Any:
    return stored if _fits(definition, stored) else definition.default


def _fits(definition: Definition, value: object) -> bool:
    match definition.kind:
        case Kind.SWITCH:
            return isinstance(value, bool)
        case Kind.CHOICE:
            return value in [choice for choice, _ in definition.choices]
        case Kind.NUMBER:
            is_number = isinstance(value, int) and not isinstance(value, bool)
            return value is None or is_number and definition.least <= value <= definition.most  # type: ignore[operator]
        case Kind.TEXT:
            return isinstance(value, str) and len(value) <= 200
