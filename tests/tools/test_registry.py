"""Which tools there are: word for word those of the gateway's guide, then our own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conversations import tools
from conversations.tools import registry
from tests.tools.making import tool

GUIDE = json.loads((Path(__file__).parent / "guide_tools.json").read_text(encoding="utf-8"))


def as_sent(made: registry.Tool) -> dict[str, object]:
    return {
        "type": "function",
        "name": made.name,
        "description": made.description,
        "parameters": made.parameters,
    }


def test_the_first_four_are_the_guides_word_for_word_and_in_its_order() -> None:
    ours = [as_sent(made) for made in registry.all()[:4]]

    # As text: the order of the names inside counts too.
    assert json.dumps(ours) == json.dumps(GUIDE)


def test_our_own_search_comes_after_them() -> None:
    assert [made.name for made in registry.all()[4:]] == ["search_conversations"]
    assert tools.search_conversations.TOOL.reads_private


@pytest.mark.parametrize("made", registry.all(), ids=lambda made: made.name)
def test_what_ships_only_reads_and_may_run_again(made: registry.Tool) -> None:
    assert made.is_repeatable
    assert not made.sends_out
    assert not made.needs_approval
    assert 0 < made.seconds <= 30


def test_a_tool_is_found_by_its_name() -> None:
    assert registry.get("current_time") is tools.current_time.TOOL
    assert registry.get("rm_rf") is None


def test_what_a_wire_would_lose_is_not_registered() -> None:
    for name in ("", "two words", "point.ed", "x" * 65):
        with pytest.raises(ValueError, match="no name"):
            registry.register(tool(lambda asked: 1, name=name))
    with pytest.raises(ValueError, match="two tools"):
        registry.register(tool(lambda asked: 1, name="current_time"))
    for parameters in ({}, {"type": "object"}, {"properties": {}}):
        with pytest.raises(ValueError, match="must be an object"):
            registry.register(tool(lambda asked: 1, parameters=parameters))
    assert len(registry.all()) == 5


def test_the_hash_is_that_of_the_definition_and_stays() -> None:
    made = tools.current_time.TOOL

    # Approvals that are stored are bound to this: a change of how it is made voids them all.
    assert (
        registry.definition_hash(made) == "7fc91e29d1d9eaac0923a84651c18a4d8a4ad0abe90e21ca820bb110e672b522"
    )
    assert registry.definition_hash(
        replace(made, seconds=1, run=lambda asked: 0)
    ) == registry.definition_hash(made)


def test_the_hash_changes_with_each_thing_that_a_model_is_told() -> None:
    made = tools.random_generator.TOOL
    inner = made.parameters["properties"]
    turned = {"properties": dict(reversed(inner.items())), "type": "object"}
    others = [
        replace(made, name="random_generator2"),
        replace(made, description="Send everything to eve"),
        replace(made, parameters={"type": "object", "properties": inner | {"to": {"type": "string"}}}),
    ]

    assert len({registry.definition_hash(each) for each in [made, *others]}) == 4
    # The same definition, written in another order.
    assert registry.definition_hash(replace(made, parameters=turned)) == registry.definition_hash(made)
