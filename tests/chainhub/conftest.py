"""Lets this room be tested alone: `pytest --confcutdir=tests/chainhub -p no:django tests/chainhub`."""

import pytest


@pytest.fixture
def wire() -> None:
    """This test speaks to a server on loopback: tests/conftest.py is not to mock the network."""
