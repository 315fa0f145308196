"""Wake-ups: "something changed, look at the rows". Losing one costs time, never truth.

Services say what changed; the engine and the relay, which stand above them, listen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from django.db import transaction

logger = logging.getLogger(__name__)

QUEUE = "queue"
STOP = "stop"
SYNC = "sync"
_CONVERSATION = "conversation:"
_LIST = "list:"
_listeners: list[Callable[[str], None]] = []


def conversation_topic(conversation_id: int) -> str:
    return f"{_CONVERSATION}{conversation_id}"


def conversation_of(topic: str) -> int | None:
    """Return the id of the conversation that `topic` is about, or None."""
    return int(topic.removeprefix(_CONVERSATION)) if topic.startswith(_CONVERSATION) else None


def list_topic(person_id: int) -> str:
    """Name what the sidebar lists for one person."""
    return f"{_LIST}{person_id}"


def list_of(topic: str) -> int | None:
    """Return the id of the person whose list `topic` is about, or None."""
    return int(topic.removeprefix(_LIST)) if topic.startswith(_LIST) else None


def listen(listener: Callable[[str], None]) -> None:
    """Have `listener` called with each topic. It must not wait for anything."""
    _listeners.append(listener)


def leave(listener: Callable[[str], None]) -> None:
    if listener in _listeners:
        _listeners.remove(listener)


def wake(topic: str) -> None:
    """Tell everybody in this process now."""
    for listener in tuple(_listeners):
        listener(topic)


def wake_on_commit(topic: str) -> None:
    """Tell everybody once the rows can be read; nobody is told of a transaction that was rolled back."""
    transaction.on_commit(partial(wake, topic))
