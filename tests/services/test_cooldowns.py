"""How long a key is left alone: per reason, longer each time, until it answers again."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from conversations.chainhub import errors
from conversations.models import GatewayKey, KeyCooldown, Model
from conversations.services import cooldowns, gateway, keys
from conversations.services.cooldowns import SCHEDULES, Reason
from tests import factories

REFUSED = errors.KeyRejected(status=401)
LIMITED = errors.RateLimited(status=429, retryable=True)
AWAY = errors.GatewayUnavailable(status=503, retryable=True)
UNSERVED = errors.UnknownModel(status=503, retryable=True, max_retries=1)
NOW = timezone.now()


@pytest.fixture(autouse=True)
def full_length(settings):
    settings.GATEWAY_RETRY_SCALE = 1


@pytest.fixture
def key(db) -> GatewayKey:
    return factories.gateway_key("Team")


@pytest.fixture
def model(key) -> Model:
    return factories.model(key=key)


def fail(
    key: GatewayKey, error: errors.ChainHubError, model: Model, at: datetime, *, asked: datetime | None = None
) -> None:
    cooldowns.begin(key, error, model=model, asked_at=asked or at, now=at)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (LIMITED, [5, 20, 60, 180, 600, 600]),
        (REFUSED, [60, 300, 1800, 7200, 21600, 21600]),
        (errors.QuotaExhausted(status=403), [60, 300, 1800, 7200, 21600]),
        (AWAY, [2, 5, 15, 45, 120, 120]),
        (errors.ConnectionFailed(), [2, 5, 15]),
        (UNSERVED, [5, 60, 600, 3600, 3600]),
    ],
)
def test_each_error_after_a_cool_down_makes_the_next_one_longer(key, model, error, seconds) -> None:
    at, lengths = NOW, []
    for _ in seconds:
        fail(key, error, model, at)
        row = KeyCooldown.objects.get()
        lengths.append((row.ends_at - at).total_seconds())
        at = row.ends_at

    assert lengths == seconds
    assert row.failures == len(seconds)


def test_errors_of_calls_that_were_under_way_do_not_prolong_it(key, model) -> None:
    fail(key, REFUSED, model, NOW)

    for second in range(1, 200):
        # The last of them come when the cool-down is over already: they began before it.
        fail(key, REFUSED, model, NOW + timedelta(seconds=second), asked=NOW - timedelta(seconds=1))

    row = KeyCooldown.objects.get()
    assert (row.failures, row.ends_at) == (1, NOW + timedelta(seconds=60))


@pytest.mark.django_db(transaction=True)
def test_errors_in_the_same_instant_are_one(settings) -> None:
    key = factories.gateway_key("Team")
    model = factories.model(key=key)
    start = threading.Barrier(20)

    def fail_with_the_others(at: datetime) -> None:
        start.wait()
        fail(key, LIMITED, model, at, asked=NOW)
        connection.close()

    for failures in (1, 2):
        at = NOW + timedelta(seconds=failures)
        threads = [threading.Thread(target=fail_with_the_others, args=(at,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert KeyCooldown.objects.get().failures == failures
        # Over: twenty calls that begin now may fail again, and count once again.
        KeyCooldown.objects.update(ends_at=NOW)


def test_after_a_long_quiet_time_the_next_error_is_a_first_one(key, model) -> None:
    fail(key, LIMITED, model, NOW)
    fail(key, LIMITED, model, NOW + timedelta(seconds=5))
    assert KeyCooldown.objects.get().failures == 2

    fail(key, LIMITED, model, NOW + timedelta(hours=1))

    assert KeyCooldown.objects.get().failures == 1


def test_an_answer_ends_what_began_before_it_was_asked_and_nothing_later(key, model) -> None:
    fail(key, REFUSED, model, NOW)
    fail(key, LIMITED, model, NOW + timedelta(seconds=90))

    cooldowns.end(key, model=model, asked_at=NOW + timedelta(seconds=61))

    assert KeyCooldown.objects.get().reason == Reason.LIMITED


def test_an_answer_of_one_key_leaves_the_others_alone(key, model) -> None:
    other = factories.gateway_key("Other")
    fail(other, REFUSED, model, NOW)

    cooldowns.end(key, model=model, asked_at=NOW + timedelta(hours=1))

    assert KeyCooldown.objects.get().key == other


@pytest.mark.parametrize(
    ("error", "is_of_model"),
    [
        (UNSERVED, True),
        (errors.UnknownModel(status=404), True),
        (errors.WrongAddress(status=404), True),
        (errors.KeyRejected(status=403), True),
        (errors.GatewayUnavailable(status=500, retryable=True), True),
        (errors.GatewayUnavailable(status=401, retryable=True), True),
        (REFUSED, False),
        (errors.QuotaExhausted(status=403), False),
        (LIMITED, False),
        (AWAY, False),
        (errors.ConnectionFailed(kind="tls_failed", retryable=False), False),
    ],
)
def test_what_concerns_one_model_leaves_the_key_s_other_models_alone(key, model, error, is_of_model) -> None:
    fail(key, error, model, NOW)

    assert KeyCooldown.objects.get().model == (model if is_of_model else None)


@pytest.mark.parametrize(
    "error",
    [
        errors.RequestRefused(status=400),
        errors.ReasoningRefused(status=400),
        errors.GatewayUnavailable(status=502, may_be_billed=True),
        errors.ConnectionFailed(kind="first_byte_timeout", sent=True),
        errors.UnreadableReply(),
        errors.StreamBroken(),
        errors.StreamRefused(),
        errors.Cancelled(),
    ],
)
def test_what_says_nothing_of_the_key_begins_no_cool_down(key, model, error) -> None:
    fail(key, error, model, NOW)

    assert not KeyCooldown.objects.exists()


def test_the_gateway_s_own_wish_is_kept_up_to_the_longest(key, model) -> None:
    asked = errors.RateLimited(status=429, retryable=True, retry_after=42)
    fail(key, asked, model, NOW)
    assert KeyCooldown.objects.get().ends_at == NOW + timedelta(seconds=42)

    KeyCooldown.objects.all().delete()
    fail(key, errors.RateLimited(status=429, retry_after=1e9), model, NOW)
    assert KeyCooldown.objects.get().ends_at == NOW + timedelta(minutes=10)


def test_the_practice_gateway_has_none(model) -> None:
    practice = keys.ensure_practice_key()

    fail(practice, REFUSED, model, NOW)

    assert not KeyCooldown.objects.exists()


def test_a_key_that_is_gone_meanwhile_is_no_fault(db, transactional_db) -> None:
    key = factories.gateway_key("Team")
    model = factories.model(key=key)
    GatewayKey.objects.all().delete()

    fail(key, REFUSED, model, NOW)

    assert not KeyCooldown.objects.exists()


def test_saving_and_enabling_a_key_clear_its_cool_downs(key, model) -> None:
    fail(key, REFUSED, model, NOW)
    keys.put_secret(key, "sk-new-0123456789abcdef")
    keys.store(key)
    assert not KeyCooldown.objects.exists()

    fail(key, REFUSED, model, NOW)
    keys.disable(key)
    keys.enable(key)
    assert not KeyCooldown.objects.exists()

    fail(key, REFUSED, model, NOW)
    cooldowns.forget(key)
    assert not KeyCooldown.objects.exists()


def test_a_model_list_clears_only_what_it_disproves(key, model) -> None:
    for error in (REFUSED, AWAY, LIMITED, errors.QuotaExhausted(status=403), UNSERVED):
        fail(key, error, model, NOW)

    gateway.note_success(key, has_answered=False)

    left = set(KeyCooldown.objects.values_list("reason", flat=True))
    assert left == {Reason.LIMITED, Reason.USED_UP, Reason.UNSERVED}


def test_all_reasons_have_a_schedule_that_grows() -> None:
    for reason in Reason:
        seconds = SCHEDULES[reason].seconds
        assert list(seconds) == sorted(set(seconds))
