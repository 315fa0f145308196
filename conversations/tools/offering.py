"""Which tools a person may use, and which of them a conversation has switched on.

The setting "tools" is {"disabled": [names], "groups": {name: [names of groups]}}: a tool named under
"groups" is for their members only. What can't be read as that switches off, never on.
"""

from __future__ import annotations

import logging

from conversations.models import Conversation, Setting, User
from conversations.tools import registry
from conversations.tools.registry import Tool

logger = logging.getLogger(__name__)

SETTING = "tools"


def offered_to(user: User) -> list[Tool]:
    """Return the tools that `user` may use, in the order of requests. At most two queries."""
    if not user.is_active:
        return []
    value = Setting.objects.filter(name=SETTING).values_list("value", flat=True).first()
    if value is None:
        return registry.all()
    rules = _read(value)
    if rules is None:
        logger.warning("The setting %s can't be read; no tool is offered", SETTING)
        return []
    disabled, groups = rules
    theirs = set(user.groups.values_list("name", flat=True)) if groups else set()
    return [
        tool
        for tool in registry.all()
        if tool.name not in disabled and (tool.name not in groups or theirs & groups[tool.name])
    ]


def chosen_for(conversation: Conversation, user: User) -> list[Tool]:
    """Return the tools that the conversation has switched on and `user` may use, in the order of requests."""
    names = conversation.parameters.get("tools")
    if not isinstance(names, list) or not names:
        return []
    return [tool for tool in offered_to(user) if tool.name in names]


def _read(value: object) -> tuple[set[str], dict[str, set[str]]] | None:
    if not isinstance(value, dict):
        return None
    disabled, groups = value.get("disabled", []), value.get("groups", {})
    if not _is_names(disabled) or not isinstance(groups, dict):
        return None
    if not all(_is_names(names) for names in groups.values()):
        return None
    return set(disabled), {name: set(names) for name, names in groups.items()}


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
