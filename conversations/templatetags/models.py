"""Models to choose from: the options of a list, by vendor where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template

from conversations.models import Model
from conversations.services import vendors

register = template.Library()

_ABILITIES = (
    ("has_vision", "pictures"),
    ("has_documents", "documents"),
    ("has_tools", "tools"),
    ("has_thinking", "thinking"),
    ("has_structured_output", "structured output"),
)


@register.inclusion_tag("conversations/partials/_model_options.html")
def model_options(models: Sequence[Model], chosen: str = "", short: bool = False) -> dict[str, Any]:
    """Render the options for `models`, as catalog.offered_models gives them, `chosen` by name.

    Where that one is not among them (it is not offered any more) it is the person's first choice. `short`: of
    many only that one; where the page has a whole list, a script fills in the others.
    """
    rows = list(models)
    selected = next((model for model in rows if model.name == chosen), None)
    selected = selected or next((model for model in rows if getattr(model, "is_first_choice", False)), None)
    is_short = short and len(rows) > vendors.MANY
    if is_short:
        rows = [selected] if selected else rows[:1]
    return {"groups": vendors.grouped(rows), "selected": selected}


@register.filter
def about(model: Model) -> str:
    """Say what a model is good at, in a line: the admins' words, then what it takes."""
    abilities = [word for name, word in _ABILITIES if getattr(model, name)]
    takes = f"Takes {', '.join(abilities)}" if abilities else ""
    size = f"{model.context_size:,} tokens".replace(",", " ") if model.context_size else ""
    return " · ".join(filter(None, (model.description, takes, size)))


@register.filter
def are_many(models: Sequence[Model]) -> bool:
    return len(models) > vendors.MANY
