"""What all tests share: people, their clients, and a network in which nothing answers unasked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses
from django.core.management.commands import flush
from django.db import connection
from django.test import Client

from conversations.generation.relay import hub
from conversations.models import AuditEntry, User
from conversations.services import append_only, pricing
from tests import factories


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> Iterator[responses.RequestsMock | None]:
    """Fail a request that a test did not expect. Tests that speak to a server of their own say `wire`."""
    if "wire" in request.fixturenames:
        yield None
        return
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def wire() -> None:
    """This test speaks to a server on loopback."""


@pytest.fixture(autouse=True, scope="session")
def audit_log_can_be_emptied() -> Iterator[None]:
    """Let the end of a test with real transactions empty the tables: the log's lock comes back after it."""
    plain = flush.sql_flush

    names = list(append_only.TRIGGERS)
    if connection.vendor == "postgresql":
        # It empties tables by TRUNCATE.
        names = [f"{append_only.NO_TRUNCATE} ON {AuditEntry._meta.db_table}"]

    def without_lock(style: object, connection: object, **kwargs: object) -> list[str]:
        return [f"DROP TRIGGER IF EXISTS {name}" for name in names] + plain(style, connection, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", without_lock)
        yield


@pytest.fixture(autouse=True)
def prices_are_read_anew() -> None:
    """What one test has priced is gone in the next, within the seconds for which prices are remembered."""
    pricing.forget()


@pytest.fixture(autouse=True)
def hub_is_open() -> Iterator[None]:
    yield
    hub.reopen()


@pytest.fixture
def ada(db: None) -> User:
    """Owns what a test is about."""
    return factories.person("ada")


@pytest.fixture
def bob(db: None) -> User:
    """Is in the team."""
    return factories.person("bob")


@pytest.fixture
def eve(db: None) -> User:
    """Is a stranger to what a test is about."""
    return factories.person("eve")


@pytest.fixture
def staff(db: None) -> User:
    """May open the admin panel, and everything in it."""
    return factories.person("staff", is_staff=True, is_superuser=True)


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ada_client(ada: User) -> Client:
    return _client(ada)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return _client(bob)


@pytest.fixture
def eve_client(eve: User) -> Client:
    return _client(eve)


@pytest.fixture
def staff_client(staff: User) -> Client:
    return _client(staff)
