"""Which client, and what the gateway said against a key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.chainhub import errors
from conversations.models import GatewayKey
from conversations.services import gateway, keys
from tests import factories


@pytest.fixture
def key(db):
    return factories.gateway_key("Team")


@pytest.fixture(autouse=True)
def practice_is_off():
    yield
    gateway.set_practice_address(None)


def test_a_client_speaks_to_the_key_s_address_with_the_settings_timeouts(key, settings):
    settings.GATEWAY_CONNECT_TIMEOUT, settings.GATEWAY_FIRST_BYTE_TIMEOUT, settings.GATEWAY_IDLE_TIMEOUT = (
        1,
        2,
        3,
    )

    client = gateway.client_for(key)

    assert client.base_url == factories.GATEWAY
    assert (client.timeouts.connect, client.timeouts.first_byte, client.timeouts.idle) == (1, 2, 3)


def test_one_client_serves_a_key_until_its_secret_changes(key):
    first = gateway.client_for(key)
    assert gateway.client_for(GatewayKey.objects.get()) is first

    keys.put_secret(key, "sk-another-0123456789abcd")

    assert gateway.client_for(key) is not first


def test_a_proxy_that_can_not_work_is_refused_in_words(key, settings):
    settings.GATEWAY_PROXY = "socks5://proxy.test"

    with pytest.raises(gateway.GatewayMissing, match="proxy"):
        gateway.client_for(key)


def test_the_practice_gateway_is_reached_where_it_listens_now(db):
    practice = keys.ensure_practice_key()
    with pytest.raises(gateway.GatewayMissing):
        gateway.client_for(practice)

    gateway.set_practice_address("http://127.0.0.1:4321")

    assert gateway.client_for(practice).base_url == "http://127.0.0.1:4321"
    assert gateway.practice_address() == "http://127.0.0.1:4321"


# --- What was said against a key -------------------------------------------------------------------


def test_a_problem_is_kept_without_the_secret_and_cleared_by_a_success(key):
    error = errors.KeyRejected(f"bad key {factories.SECRET}\x1b[31m", status=401, type="new_api_error")

    gateway.note_problem(key, error)

    key.refresh_from_db()
    assert key.problem_kind == "key_rejected"
    assert "401" in key.problem_text
    assert "bad key [redacted]" in key.problem_text
    assert factories.SECRET not in key.problem_text
    assert "\x1b" not in key.problem_text

    gateway.note_success(key)

    key.refresh_from_db()
    assert (key.problem_kind, key.problem_text, key.problem_at) == ("", "", None)
    assert key.last_used_at is not None


@pytest.mark.parametrize(
    "error",
    [
        errors.RequestRefused("no", status=400),
        errors.UnknownModel("no", status=503),
        errors.StreamBroken("cut"),
        errors.Cancelled("stopped"),
    ],
)
def test_what_is_not_the_key_s_fault_is_not_kept(key, error):
    gateway.note_problem(key, error)

    key.refresh_from_db()
    assert key.problem_kind == ""


def test_the_same_problem_within_seconds_is_written_once(key):
    now = timezone.now()
    gateway.note_problem(key, errors.RateLimited(status=429), now=now)

    gateway.note_problem(key, errors.RateLimited(status=429), now=now + timedelta(seconds=5))
    assert GatewayKey.objects.get().problem_at == now

    gateway.note_problem(key, errors.RateLimited(status=429), now=now + timedelta(seconds=30))
    assert GatewayKey.objects.get().problem_at == now + timedelta(seconds=30)


def test_use_is_noted_once_a_minute_and_costs_nothing_between(key, django_assert_num_queries):
    now = timezone.now()
    gateway.note_success(key, now=now)

    with django_assert_num_queries(0):
        gateway.note_success(key, now=now + timedelta(seconds=30))
    assert GatewayKey.objects.get().last_used_at == now

    gateway.note_success(key, now=now + timedelta(seconds=61))
    assert GatewayKey.objects.get().last_used_at == now + timedelta(seconds=61)


def test_a_model_list_says_nothing_of_the_balance(key):
    gateway.note_problem(key, errors.QuotaExhausted(status=403))
    gateway.note_success(key, has_answered=False)
    assert GatewayKey.objects.get().problem_kind == "quota_exhausted"

    gateway.note_success(key)
    assert GatewayKey.objects.get().problem_kind == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.QuotaExhausted(status=403), "balance"),
        (errors.KeyRejected(status=401), "refuses this key"),
        (errors.WrongAddress("secret page", status=404), "Check the base URL"),
        (errors.RateLimited(status=429), "fewer requests"),
        (errors.GatewayUnavailable(status=502), "not available"),
        (errors.RequestRefused(status=418), "refused the request"),
        (errors.ConnectionFailed(), "can't be reached"),
        (errors.ConnectionFailed(kind="name_not_resolved"), "no host"),
        (errors.ConnectionFailed(kind="tls_failed"), "certificate"),
        (errors.UnreadableReply("<html>"), "not as a gateway does"),
        (errors.UnreadableReply(kind="redirected"), "redirects"),
        (errors.StreamBroken(), "broke off"),
    ],
)
def test_each_error_has_its_sentence(error, words):
    sentence = gateway.explain(error)

    assert words in sentence
    assert "<html>" not in sentence
    assert "secret page" not in sentence


def test_the_gateway_s_words_are_cut():
    sentence = gateway.explain(errors.KeyRejected("x" * 900, status=401))

    assert sentence.endswith("x…”")
    assert len(sentence) < 320


def test_every_stored_secret_is_kept_out_of_what_a_tool_returns(key):
    factories.gateway_key("Off", secret="sk-another-0123456789abcd", is_enabled=False)

    assert gateway.stored_secrets() == (factories.SECRET, "sk-another-0123456789abcd")
