from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversations import practice
from tests.practice.asking import wait_until


@pytest.fixture(scope="session")
def fast_gateway() -> Iterator[practice.Gateway]:
    with practice.running(speed=200) as gateway:
        yield gateway


@pytest.fixture
def gateway(fast_gateway: practice.Gateway) -> practice.Gateway:
    wait_until(lambda: not fast_gateway.seen()["connections"]["open"])
    fast_gateway.reset()
    return fast_gateway
