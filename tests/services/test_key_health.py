"""How a key is doing: its state in the order in which the reasons matter, and sums that equal the rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from conversations.models import Call, GatewayKey, KeyCooldown, KeySource, Purpose, Tariff, UsageDay
from conversations.services import key_health, keys
from conversations.services.key_health import Used
from tests import factories

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def key(db) -> GatewayKey:
    return factories.gateway_key("Team", synced_at=NOW)


def used(key: GatewayKey, day: date = TODAY, **sums: object) -> None:
    UsageDay.objects.create(day=day, key_pk=key.pk, **{"model_name": "gpt-4o", "currency": "credits"} | sums)


def cooling(
    key: GatewayKey, *, minutes: int = 5, reason: str = "rate_limited", **fields: object
) -> KeyCooldown:
    ends = NOW + timedelta(minutes=minutes)
    return KeyCooldown.objects.create(key=key, reason=reason, began_at=NOW, ends_at=ends, **fields)


def state_of(key: GatewayKey) -> tuple[str, str]:
    state = key_health.of_key(key, now=NOW).state
    return state.look, state.word


# --- State -------------------------------------------------------------------------------------------


def test_a_key_that_works_is_enabled(key):
    assert state_of(key) == ("good", "Enabled")


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"is_enabled": False, "problem_kind": "key_rejected", "problem_text": "No."}, ("off", "Disabled")),
        ({"valid_from": NOW + timedelta(seconds=1)}, ("off", "Not valid yet")),
        ({"valid_from": NOW}, ("good", "Enabled")),
        ({"valid_until": NOW}, ("off", "Not valid any more")),
        ({"valid_until": NOW + timedelta(seconds=1)}, ("good", "Enabled")),
        ({"problem_kind": "key_rejected", "problem_text": "No."}, ("bad", "Problem")),
        ({"synced_at": None}, ("busy", "Enabled")),
    ],
)
def test_a_state_says_what_holds_the_key_back(key, fields, state):
    for name, value in fields.items():
        setattr(key, name, value)

    assert state_of(key) == state


def test_a_lost_encryption_key_comes_before_everything_but_disabled(key, settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    key.valid_until = NOW

    state = key_health.of_key(key, now=NOW).state

    assert state.word == "Problem"
    assert key.encryption_key_fingerprint in state.why


@pytest.mark.parametrize(
    ("cap", "cost", "word"),
    [(10, 9, "Enabled"), (10, 10, "Cap reached"), (10, 11, "Cap reached"), (None, 11, "Enabled")],
)
@pytest.mark.parametrize("span", ["day", "month"])
def test_a_cap_is_reached_when_as_much_was_spent(key, span, cap, cost, word):
    setattr(key, f"cap_per_{span}", cap)
    used(key, TODAY if span == "day" else TODAY.replace(day=1), cost=cost)

    assert state_of(key)[1] == word


def test_yesterday_and_another_currency_count_for_no_cap_of_today(key):
    key.cap_per_day = 10
    used(key, TODAY - timedelta(days=1), cost=50)
    used(key, cost=50, currency="USD")

    assert state_of(key)[1] == "Enabled"


def test_a_cool_down_says_why_and_until_when(key):
    cooling(key, minutes=2)
    cooling(key, minutes=7, reason="key_rejected")

    state = key_health.of_key(key, now=NOW).state

    assert (state.word, state.why) == ("Cooling down", "The gateway refused the key.")
    assert state.when == ("Left alone until", NOW + timedelta(minutes=7))


def test_a_cool_down_that_ended_or_is_for_one_model_does_not_stop_the_key(key):
    cooling(key, minutes=0)
    cooling(key, reason="unknown_model", model=factories.model("gpt-4o", key=key))

    health = key_health.of_key(key, now=NOW)

    assert health.state.word == "Enabled"
    assert [row.model.name for row in health.cooldowns] == ["gpt-4o"]


def test_an_unknown_reason_is_told_in_plain_words():
    assert key_health.cooling_because("tls_failed") == "The gateway failed (tls failed)"


def test_the_practice_gateway_is_in_use(db):
    practice = keys.ensure_practice_key()
    practice.synced_at = NOW

    assert practice.source == KeySource.PRACTICE
    assert state_of(practice) == ("good", "In use")


# --- Sums --------------------------------------------------------------------------------------------


def test_sums_equal_the_rows_of_their_days(key):
    other = factories.gateway_key("Other")
    Tariff.objects.create(base_url=factories.GATEWAY, currency="USD")
    sums = {"calls": 2, "failed": 1, "input_tokens": 10, "output_tokens": 5, "unpriced": 1}
    for ago in (0, 1, 9, 10, 29, 30):
        used(key, TODAY - timedelta(days=ago), cost=7, **sums | {"currency": "USD"})
    used(key, cost=1_000, **sums)
    used(other, cost=1, **sums)

    health = key_health.of_keys([key, other], now=NOW)[key.pk]

    assert health.currency == "USD"
    assert health.today == Used(calls=4, failed=2, tokens=30, cost=7, unpriced=2)
    # The first of May is nine days ago.
    assert health.month == Used(calls=8, failed=4, tokens=60, cost=21, unpriced=4)
    assert health.last_30_days == Used(calls=12, failed=6, tokens=90, cost=35, unpriced=6)
    assert len(health.per_day) == 30
    assert (health.per_day[-1], health.per_day[-2], health.per_day[0]) == (4, 2, 2)
    assert sum(health.per_day) == 12


def test_a_month_is_whole_even_where_it_has_more_than_thirty_days(key):
    last = datetime(2026, 5, 31, 12, tzinfo=UTC)
    used(key, date(2026, 5, 1), cost=3, calls=1)

    health = key_health.of_key(key, now=last)

    assert (health.month.cost, health.last_30_days.calls, sum(health.per_day)) == (3, 0, 0)


def test_errors_are_counted_over_exactly_24_hours(key):
    for hours, kind in ((1, ""), (2, "key_rejected"), (23, ""), (24, "key_rejected"), (30, "rate_limited")):
        Call.objects.create(
            purpose=Purpose.ANSWER, key=key, error_kind=kind, started_at=NOW - timedelta(hours=hours)
        )

    latest = key_health.of_key(key, now=NOW).last_24_hours

    assert (latest.calls, latest.failed) == (3, 1)
    assert round(latest.error_percent, 1) == 33.3
    assert Used().error_percent is None


def test_the_median_is_of_calls_that_had_a_first_token(key):
    for value in (100, None, 300, 900, None):
        Call.objects.create(purpose=Purpose.ANSWER, key=key, first_token_ms=value)

    assert key_health.median_first_token_ms(key) == 300
    assert key_health.median_first_token_ms(factories.gateway_key("Other")) is None


@pytest.mark.parametrize("number", [1, 20])
def test_the_number_of_queries_does_not_grow_with_the_keys(db, number, django_assert_num_queries):
    found = [factories.gateway_key(f"Key {place}") for place in range(number)]
    for key in found:
        used(key, calls=1)
        cooling(key, reason="unknown_model", model=factories.model(f"m{key.pk}", key=key))

    with django_assert_num_queries(4):
        healths = key_health.of_keys(found, now=NOW)

    assert len(healths) == number
