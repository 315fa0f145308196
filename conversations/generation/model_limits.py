"""What admins have set of a model, held to at every request: who may use it, how much it says, no tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from conversations.chainhub import messages as wire
from conversations.models import Generation, Model
from conversations.services.errors import Refused

# What the chat format and its like call the most tokens of an answer (chat-completions.md, section 1).
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class ModelTakenAway(Refused):
    """The model was switched off, or its groups are not the person's, since this answer was asked for."""

    kind = "model_taken_away"


def refuse_what_was_taken_away(generation: Generation, model: Model) -> None:
    """Raise ModelTakenAway where who asked may not use `model` any more. One query.

    Whether a key serves it is asked by the pool, which says more about it.
    """
    if not Model.objects.filter(pk=model.pk, is_enabled=True).open_to(generation.asked_by).exists():
        raise ModelTakenAway(f"{model.name} is not offered to you any more. Choose another model.")


def parameters_of(model: Model, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model's default parameters under what was `chosen`; no length limit is above the model's."""
    parameters = {**model.default_parameters, **chosen}
    if model.max_output is None:
        return parameters
    told = [name for name in _LENGTHS if isinstance(parameters.get(name), int)]
    for name in told:
        parameters[name] = min(parameters[name], model.max_output)
    return parameters if told else parameters | {"max_tokens": model.max_output}


def longest_answer(parameters: Mapping[str, Any]) -> int | None:
    """Return how many tokens an answer may have by the parameters of its request; None: nobody says."""
    told = [parameters[name] for name in _LENGTHS if isinstance(parameters.get(name), int)]
    return max(told) if told else None


def without_tools(messages: Sequence[wire.Message]) -> list[wire.Message]:
    """Return `messages` for a model that uses none: what tools were asked and said is told in words.

    A call without a definition of its tool is refused by some upstreams, and a provider's own item that
    stood before a call may not stand alone.
    """
    return [replace(message, parts=tuple(map(_in_words, _told(message)))) for message in messages]


def _told(message: wire.Message) -> list[wire.Part]:
    has_calls = any(isinstance(part, wire.ToolCall) for part in message.parts)
    return [part for part in message.parts if not (has_calls and isinstance(part, wire.OpaqueItem))]


def _in_words(part: wire.Part) -> wire.Part:
    match part:
        case wire.ToolCall(_, name, arguments):
            return wire.Text(f"[The tool {name} was called with {arguments}]\n")
        case wire.ToolResult(_, name, content):
            return wire.Text(f"[The tool {name} answered: {content}]\n")
        case _:
            return part
