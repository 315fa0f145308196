"""What the tests of the promises share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversations.generation.relay import hub
from tests.test_doors import of_ada as of_ada


@pytest.fixture
def streams(transactional_db: None, settings: pytest.FixtureRequest) -> Iterator[None]:
    """Streams that look at their sign-in often, and whose threads are gone before the tables are."""
    settings.STREAM_PING_SECONDS = 0.05
    yield
    hub.reopen()


@pytest.fixture(autouse=True)
def no_stream_is_left() -> Iterator[None]:
    """Give back the places of streams that a test has opened and not read."""
    yield
    hub._per_person.clear()
