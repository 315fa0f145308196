"""Assistants at work: conversations that begin with one, and answers that are asked of one, once.

What an assistant says to a model is copied at that moment, into the conversation's or the answer's
parameters: a later change by its owner, or the end of its sharing, changes nothing that was begun, and shows
nothing new.
Its tools are names; which of them the asking person may use is looked up each time one is wanted.

    "assistant": its name, "instructions": text before the conversation's own system prompt, "tools": names
    "asked_once": {"kind": one of Kind, "name": as people read it}    of one answer
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from conversations.models import Assistant, Model, User
from conversations.services import library
from conversations.services.errors import Refused

STARTERS = 6
# What a list at the composer, or the empty page, shows at once.
MENTIONS = 50
CHOOSER = 4
_OF_AN_ASSISTANT = ("assistant", "instructions", "tools")


class Kind(StrEnum):
    MODEL = "model"
    ASSISTANT = "assistant"


class Gone(Refused):
    """An assistant or a model that the person may not use: deleted, not shared any more, or never there."""


@dataclass(frozen=True)
class Once:
    """Whom one answer is asked of. `model` None: of the one that is chosen at the composer."""

    kind: Kind
    id: str
    name: str
    description: str = ""
    owner_name: str = ""
    model: Model | None = None
    parameters: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """What a form carries of it."""
        return f"{self.kind}:{self.id}"

    def over(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return a conversation's parameters with what holds for this one answer."""
        once = {"asked_once": {"kind": self.kind.value, "name": self.name}}
        if self.parameters is None:
            return {**parameters, **once}
        return {**_without_assistant(parameters), **self.parameters, **once}


@dataclass(frozen=True)
class Opening:
    """An assistant with which a conversation may begin. `model` None: the person's usual one answers."""

    assistant: Assistant
    model: Model | None
    notice: str = ""


# --- Beginning a conversation ------------------------------------------------------------------------------


def opening_of(assistant: Assistant, person: User) -> Opening:
    """Return what a new conversation with an assistant is preset to. One query where it names a model."""
    model = _usable_model(assistant, _offered_to(person) if assistant.model_id else {})
    notice = ""
    if assistant.model is not None and model is None:
        notice = f"It was made for {assistant.model}, which is not offered to you: your usual model answers."
    return Opening(assistant, model, notice)


def to_begin_with(person: User, public_id: UUID) -> Opening:
    """Return the assistant that a form names. Raises Gone."""
    found = Assistant.objects.visible_to(person).filter(public_id=public_id).select_related("model")
    assistant = found.first()
    if assistant is None:
        raise Gone("This assistant is gone, or not shared with you any more. Begin without it.")
    return opening_of(assistant, person)


def snapshot(assistant: Assistant) -> dict[str, Any]:
    """Return the parameters of a conversation, or an answer, in which the assistant speaks."""
    said = {
        "assistant": assistant.name,
        "instructions": assistant.instructions.strip(),
        "tools": list(assistant.tools),
    }
    return {name: value for name, value in said.items() if value}


def for_chooser(person: User) -> Sequence[Assistant]:
    """Return the assistants that the empty page offers; one more than CHOOSER tells of others. One query."""
    return list(library.matching(Assistant, person, "").defer("instructions")[: CHOOSER + 1])


# --- Asking once -------------------------------------------------------------------------------------------


def once_of(person: User, key: str) -> Once | None:
    """Return whom the key of a form names, None for an empty one. Raises Gone. At most two queries."""
    if not key:
        return None
    kind, _, name = key.partition(":")
    if kind == Kind.MODEL:
        model = _offered_to(person).get(name)
        if model:
            return _of_model(model)
    elif kind == Kind.ASSISTANT and (public_id := _uuid(name)):
        found = Assistant.objects.visible_to(person).select_related("owner", "model")
        assistant = found.filter(public_id=public_id).first()
        if assistant:
            return _of_assistant(assistant, person, _offered_to(person) if assistant.model else {})
    raise Gone("Whom you asked with @ is gone, or not offered to you any more. Ask without it.")


def mentionable(person: User, query: str = "") -> tuple[list[Once], bool]:
    """Return whom `person` may ask once, assistants first, and whether there are more. Two queries."""
    offered = _offered_to(person)
    rows = library.matching(Assistant, person, query).select_related("model").defer("instructions")
    found = [_of_assistant(row, person, offered, is_listed=True) for row in rows[: MENTIONS + 1]]
    words = query.casefold().split()
    models = [_of_model(model) for model in offered.values()]
    named = [m for m in models if all(word in f"{m.id} {m.name}".casefold() for word in words)]
    # Names that have a word which begins so come first: "stream" means practice-stream, not its upstream.
    found += sorted(named, key=lambda m: not _begins_a_word(words, f"{m.id} {m.name}".casefold()))
    return found[:MENTIONS], len(found) > MENTIONS


def _begins_a_word(beginnings: list[str], name: str) -> bool:
    return all(re.search(rf"(?<![^\W_]){re.escape(beginning)}", name) for beginning in beginnings)


def again(parameters: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return a conversation's parameters for another version of an answer whose own were `earlier`.

    It stays that of the assistant that was asked for it. A model that was asked is chosen anew each time.
    """
    if not is_by_assistant_once(earlier):
        return dict(parameters)
    kept = {name: earlier[name] for name in (*_OF_AN_ASSISTANT, "asked_once") if name in earlier}
    return {**_without_assistant(parameters), **kept}


def is_by_assistant_once(parameters: Mapping[str, Any]) -> bool:
    """Say whether an answer with these parameters was asked of another assistant than its conversation's."""
    once = parameters.get("asked_once")
    return isinstance(once, dict) and once.get("kind") == Kind.ASSISTANT


def system_of(parameters: Mapping[str, Any]) -> str:
    """Return what a model is told before everything else: the assistant's instructions, then one's own."""
    said = (str(parameters.get(name) or "").strip() for name in ("instructions", "system"))
    return "\n\n".join(filter(None, said))


# --- Parts -------------------------------------------------------------------------------------------------


def _of_model(model: Model) -> Once:
    return Once(Kind.MODEL, model.name, model.shown_name, model.description, model=model)


def _of_assistant(
    assistant: Assistant, person: User, offered: Mapping[str, Model], *, is_listed: bool = False
) -> Once:
    return Once(
        Kind.ASSISTANT,
        str(assistant.public_id),
        assistant.name,
        assistant.description,
        "" if assistant.owner_id == person.pk else assistant.owner.shown_name,
        model=_usable_model(assistant, offered),
        # A list needs none of it, and instructions are long.
        parameters=None if is_listed else snapshot(assistant),
    )


def _usable_model(assistant: Assistant, offered: Mapping[str, Model]) -> Model | None:
    return offered.get(assistant.model.name) if assistant.model else None


def _offered_to(person: User) -> dict[str, Model]:
    return {model.name: model for model in Model.objects.offered_to(person)}


def _without_assistant(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in _OF_AN_ASSISTANT}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
