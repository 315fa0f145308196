"""An engine that runs, and a gateway that it may ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conversations.generation import relay
from conversations.generation.engine import Engine
from conversations.models import Generation, GenerationState, Model
from conversations.practice.server import Gateway, running
from conversations.services.accepting import Turn
from conversations.tools import registry
from conversations.tools.registry import Tool
from tests import factories
from tests.waiting import until


@pytest.fixture
def practice(wire: None) -> Iterator[Gateway]:
    """The practice gateway, twenty times as fast."""
    with running(speed=20) as gateway:
        yield gateway


@pytest.fixture
def engine(transactional_db: None, practice: Gateway) -> Iterator[Engine]:
    """An engine in this process, whose one key leads to the practice gateway."""
    factories.gateway_key(base_url=practice.url)
    made = Engine(slots=32)
    made.start()
    yield made
    made.stop()
    relay.hub.close()


def practice_model(suffix: str, **fields: object) -> Model:
    return factories.model(f"practice-{suffix}", **fields)


def ended(turn: Turn, *, seconds: float = 15) -> Generation:
    """Return the generation of the answer once it has ended."""
    until(lambda: not factories.generation_of(turn).is_unfinished, seconds=seconds)
    return factories.generation_of(turn)


def text_of(turn: Turn) -> str:
    return "".join(turn.answer.parts.filter(kind="text").order_by("position").values_list("text", flat=True))


def is_running(turn: Turn) -> bool:
    return factories.generation_of(turn).state == GenerationState.RUNNING


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a tool of the test's own into the registry, under the name of one that the model knows to call."""

    def make(name: str, run: Any, **fields: Any) -> Tool:
        real = registry.get(name)
        assert real
        tool = Tool(name=name, description=real.description, parameters=real.parameters, run=run, **fields)
        monkeypatch.setitem(registry._tools, name, tool)
        return tool

    return make
