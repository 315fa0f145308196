"""One tool at work, in a thread of its own: whatever it does, it ends in an outcome."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connections
from django.http import Http404

from conversations.models import Conversation, User
from conversations.services.errors import Refused
from conversations.tools import outcomes, results
from conversations.tools.outcomes import Outcome
from conversations.tools.places import Places
from conversations.tools.registry import Asked, Tool

logger = logging.getLogger(__name__)

Tell = Callable[[tuple[Hashable, Outcome]], None]


@dataclass(frozen=True)
class World:
    """For whom and where the tools of a round run, and the place that each of them takes."""

    person: User
    conversation: Conversation
    now: datetime
    stopped: threading.Event
    secrets: Collection[str]
    places: Places


@dataclass(frozen=True)
class SoundCall:
    """A call whose tool exists and whose arguments fit."""

    key: Hashable
    tool: Tool
    arguments: dict[str, Any]


def begin(call: SoundCall, asked: Asked, world: World, tell: Tell) -> bool:
    """Start the thread, which leaves the call's place and tells its outcome at its end, however late."""
    thread = threading.Thread(
        target=_work, args=(call, asked, world, tell), name=f"tool-{call.tool.name}", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:
        logger.exception("This machine has no thread left for tool %s", call.tool.name)
        return False
    return True


def _work(call: SoundCall, asked: Asked, world: World, tell: Tell) -> None:
    # What stands if even the writing of an outcome breaks.
    outcome = outcomes.failed(outcomes.BROKE, call.arguments)
    try:
        outcome = _outcome_of(call, asked, world.secrets)
    finally:
        _let_go_of_the_database()
        world.places.leave(world.person.pk)
        tell((call.key, outcome))


def _outcome_of(call: SoundCall, asked: Asked, secrets: Collection[str]) -> Outcome:
    try:
        value = call.tool.run(asked)
    except Refused as refusal:
        return outcomes.failed(str(refusal), call.arguments, secrets=secrets)
    except Http404:
        # How services.access says that an id is not this person's.
        return outcomes.failed(outcomes.NOT_FOUND, call.arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it may break in any way; the turn goes on
        _log(call.tool, error)
        return outcomes.failed(outcomes.BROKE, call.arguments)
    if asked.is_given_up:
        # It may have seen so itself, and returned half of its work.
        return outcomes.failed(outcomes.too_slow(call.tool.seconds), call.arguments)
    try:
        result = results.as_text(value, limit=call.tool.result_limit, secrets=secrets)
    except (TypeError, ValueError, RecursionError) as error:
        _log(call.tool, error)
        return outcomes.failed(outcomes.UNUSABLE, call.arguments)
    return outcomes.succeeded(result, call.arguments)


def _log(tool: Tool, error: BaseException) -> None:
    # Not logger.exception: the words of an exception often quote what the tool was asked.
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Tool %s broke: %s\n%s", tool.name, type(error).__name__, where)


def _let_go_of_the_database() -> None:
    try:
        connections.close_all()
    except DatabaseError:
        logger.warning("A tool's database connection could not be closed")
