"""Which tools a person may use, and which of them a conversation has switched on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from conversations.models import Conversation, User
from conversations.services import assistants, tool_settings
from conversations.tools import registry
from conversations.tools.registry import Tool

logger = logging.getLogger(__name__)


def offered_to(user: User) -> list[Tool]:
    """Return the tools that `user` may use, in the order of requests. At most two queries."""
    if not user.is_active:
        return []
    offers, seen = tool_settings.read_all()
    if offers is None:
        logger.warning("The setting %s can't be read; no tool is offered", tool_settings.SETTING)
        return []
    is_limited = any(offer.groups for offer in offers.values())
    theirs = set(user.groups.values_list("name", flat=True)) if is_limited else set()
    return [
        tool
        for tool in registry.all()
        if offers.get(tool.name, tool_settings.EVERYONES).is_open_to(theirs) and not has_changed(tool, seen)
    ]


def has_changed(tool: Tool, seen: dict[str, object]) -> bool:
    """Say whether the tool is defined otherwise than an admin has last seen it."""
    definition = registry.definition(tool)
    return seen.get(tool.name, definition) != definition


def remember_new_tools() -> None:
    """Keep how tools are defined that were never there before; a later change is for an admin to see."""
    tool_settings.remember({tool.name: registry.definition(tool) for tool in registry.all()})


def chosen_for(
    conversation: Conversation, user: User, *, answer: Mapping[str, Any] | None = None
) -> list[Tool]:
    """Return the tools that are switched on and that `user` may use, in the order of requests.

    They are the conversation's, as they are now; but those of `answer`, a generation's parameters, where it
    was asked of another assistant.
    """
    of_its_own = answer is not None and assistants.is_by_assistant_once(answer)
    names = (answer if answer and of_its_own else conversation.parameters).get("tools")
    if not isinstance(names, list) or not names:
        return []
    return [tool for tool in offered_to(user) if tool.name in names]
