"""What one rendering of one text carries through markdown-it, in the `env` of its parse."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from conversations.rendering.budgets import Budget
from conversations.rendering.components import Slots

ATTACHMENT_URL = "/attachments/{}/"

Env: TypeAlias = MutableMapping[str, Any]


@dataclass(slots=True)
class Context:
    budget: Budget = field(default_factory=Budget)
    attachment_url: str = ATTACHMENT_URL
    # A block that still grows is not coloured: its colours would be made again with each word.
    highlights: bool = True
    # Whether the paragraph that is being read may look for bare addresses.
    linkifies: bool = False
    slots: Slots = field(default_factory=Slots)

    def env(self, **more: Any) -> Env:
        return {"context": self, **more}


def of(env: Env) -> Context:
    context: Context = env["context"]
    return context
