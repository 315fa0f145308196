"""Balances: asked every few minutes at most, by one of several processes, never inside a transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest
import responses
from django.db import connection
from django.utils import timezone

from conversations.models import GatewayKey
from conversations.services import balances, keys
from tests import factories

BILLING = f"{factories.GATEWAY}/v1/dashboard/billing"


@pytest.fixture
def key(db) -> GatewayKey:
    return factories.gateway_key("Team")


@pytest.fixture
def billing(no_network: responses.RequestsMock) -> responses.RequestsMock:
    no_network.get(f"{BILLING}/subscription", json={"hard_limit_usd": 20})
    no_network.get(f"{BILLING}/usage", json={"total_usage": 750})
    return no_network


def test_a_balance_is_kept_and_not_asked_for_again_at_once(key, billing):
    now = timezone.now()
    assert balances.look_up(key, now=now) == "Balance: 12.50 left of 20.00."
    other = GatewayKey.objects.get()
    assert balances.look_up(other, now=now + timedelta(minutes=2)) == "Balance: 12.50 left of 20.00."
    assert len(billing.calls) == 2

    balances.look_up(other, now=now + timedelta(minutes=4))
    assert len(billing.calls) == 4


def test_a_gateway_that_tells_none_is_asked_as_seldom(key, no_network):
    no_network.get(f"{BILLING}/subscription", status=404)
    now = timezone.now()

    assert balances.look_up(key, now=now) == ""
    assert balances.look_up(key, now=now) == ""

    assert len(no_network.calls) == 1
    assert GatewayKey.objects.get().balance_at == now


def test_housekeeping_asks_for_one_key_at_a_time_every_quarter_of_an_hour(key, billing):
    factories.gateway_key("Second")
    factories.gateway_key("Off", is_enabled=False)
    now = timezone.now()

    assert [balances.refresh_next(now) for _ in range(4)] == [True, True, False, False]
    assert len(billing.calls) == 4
    assert not balances.refresh_next(now + timedelta(minutes=14))
    assert balances.refresh_next(now + timedelta(minutes=15))


def test_the_practice_gateway_has_none(db):
    practice = keys.ensure_practice_key()

    assert balances.look_up(practice) == ""
    assert not balances.refresh_next(timezone.now())


def test_the_gateway_is_asked_outside_of_any_transaction(key, no_network, transactional_db):
    seen = []

    def answer(request):
        seen.append(connection.in_atomic_block)
        return 404, {}, ""

    no_network.add_callback("GET", f"{BILLING}/subscription", callback=answer)
    fresh = factories.gateway_key("Fresh")

    balances.look_up(fresh)

    assert seen == [False]


def test_a_new_secret_forgets_the_balance_of_the_old_one(key, billing):
    balances.look_up(key)

    keys.put_secret(key, "sk-another-0123456789abcd")
    keys.store(key)

    key.refresh_from_db()
    assert (key.balance, key.balance_at) == ("", None)


def test_a_balance_of_the_old_secret_is_not_kept_for_the_new_one(key, no_network):
    def replace_meanwhile(request):
        fresh = GatewayKey.objects.get()
        keys.put_secret(fresh, "sk-another-0123456789abcd")
        keys.store(fresh)
        return 200, {}, '{"hard_limit_usd": 20}'

    no_network.add_callback("GET", f"{BILLING}/subscription", callback=replace_meanwhile)
    no_network.get(f"{BILLING}/usage", json={"total_usage": 750})

    balances.look_up(key)

    assert GatewayKey.objects.get().balance == ""
