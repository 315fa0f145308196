"""No test leaves a tool behind that runs on into the next one."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from conversations.tools import places
from tests.tools.making import tool_threads, until


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a hanging tool waits for: opened at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def nobody_left_behind(gate: threading.Event) -> Iterator[None]:
    yield
    gate.set()
    until(lambda: not tool_threads())
    assert places.everyones.taken == 0
