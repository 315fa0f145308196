"""Which key a call takes."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from conversations.chainhub import errors
from conversations.models import Call, GatewayKey, KeyCooldown, KeyModel, Model, Tariff
from conversations.services import alerts, cooldowns, gateway, keys, pool, usage
from conversations.services.cooldowns import Reason
from tests import factories

NOW = timezone.now()


@pytest.fixture(autouse=True)
def full_length(settings):
    settings.GATEWAY_RETRY_SCALE = 1


@pytest.fixture
def model(db) -> Model:
    factories.gateway_key("Elsewhere", base_url="http://elsewhere.test", priority=1)
    made = factories.model("gpt-4o")
    made.key_models.all().delete()
    return made


def serving(model: Model, name: str, **fields: object) -> GatewayKey:
    key = factories.gateway_key(name, **fields)
    KeyModel.objects.create(key=key, model=model)
    return key


def rest(key: GatewayKey, reason: Reason, seconds: float, *, model: Model | None = None) -> None:
    KeyCooldown.objects.create(
        key=key, model=model, reason=reason, began_at=NOW, ends_at=NOW + timedelta(seconds=seconds)
    )


def chosen(model: Model, *, person=None, now: datetime = NOW, **more: object) -> GatewayKey | None:
    return pool.choose(model, person=person, now=now, **more).key


# --- Who may serve ---------------------------------------------------------------------------------


def test_only_an_enabled_key_that_serves_the_model_is_taken(model, ada) -> None:
    off = serving(model, "Off", is_enabled=False, priority=1)
    good = serving(model, "Good")

    assert chosen(model, person=ada) == good

    keys.enable(off)
    assert chosen(model, person=ada) == off
    keys.disable(off)
    assert chosen(model, person=ada) == good


def test_a_key_counts_from_its_first_moment_to_its_last(model) -> None:
    key = serving(model, "Guest", valid_from=NOW, valid_until=NOW + timedelta(days=1))

    assert chosen(model) == key
    assert chosen(model, now=NOW + timedelta(days=1, seconds=-1)) == key
    for outside in (NOW - timedelta(seconds=1), NOW + timedelta(days=1)):
        with pytest.raises(pool.NoKeyLeft, match="can be used just now") as refusal:
            chosen(model, now=outside)
        assert "“Guest” is not valid" in refusal.value.detail


def test_a_key_of_a_group_serves_its_people_alone(model, ada, bob, eve) -> None:
    team, others = Group.objects.create(name="Team"), Group.objects.create(name="Others")
    key = serving(model, "Team key")
    key.groups.add(team, others)
    ada.groups.add(team)
    bob.groups.add(others, team)

    assert chosen(model, person=ada) == key
    assert chosen(model, person=bob) == key
    for stranger in (eve, None):
        with pytest.raises(pool.NoKeyLeft, match="for you"):
            chosen(model, person=stranger)

    everybody = serving(model, "Everybody", priority=900)
    assert chosen(model, person=eve) == everybody


@pytest.mark.parametrize("span", ["day", "month"])
def test_a_key_that_has_spent_its_cap_rests_until_the_next_one(model, span) -> None:
    Tariff.objects.create(base_url=factories.GATEWAY, currency="USD")
    key = serving(model, "Capped", priority=1, **{f"cap_per_{span}": 1_000})
    spare = serving(model, "Spare", priority=2)
    now = NOW.replace(year=2026, month=3, day=10)

    def spend(cost: int, days_ago: int = 0, currency: str = "USD") -> None:
        call = Call(key=key, key_name=key.name, model_name=model.name, cost=cost, currency=currency)
        call.started_at = now - timedelta(days=days_ago)
        usage.count(call)

    spend(999)
    spend(10**9, currency="credits")
    spend(10**9, days_ago=20)
    assert chosen(model, now=now) == key

    spend(1)
    assert chosen(model, now=now) == spare
    later = now + (timedelta(days=1) if span == "day" else timedelta(days=30))
    assert chosen(model, now=later) == key

    keys.disable(spare)
    with pytest.raises(pool.NoKeyLeft, match="may be spent") as refusal:
        chosen(model, now=now)
    assert f"“Capped” has spent its cap of the {span}" in refusal.value.detail


def test_the_practice_gateway_serves_only_where_there_is_no_other(model) -> None:
    practice = keys.ensure_practice_key()
    KeyModel.objects.create(key=practice, model=model)
    with pytest.raises(pool.NoKeyLeft):
        # "Elsewhere" is enabled, and does not serve the model.
        chosen(model)

    GatewayKey.objects.exclude(pk=practice.pk).update(is_enabled=False)

    assert chosen(model) == practice


def test_a_model_that_no_key_serves_is_refused_in_words(model) -> None:
    with pytest.raises(pool.NoKeyLeft, match=r"^No key serves this model. Ask an admin.$"):
        chosen(model)


# --- In which order --------------------------------------------------------------------------------


def test_the_small_priority_comes_first_whatever_the_weights(model) -> None:
    serving(model, "Second", priority=2, weight=1000)
    first = serving(model, "First", priority=1, weight=1)

    assert {chosen(model) for _ in range(50)} == {first}
    assert chosen(model, without={first.pk}).name == "Second"


def test_weights_hold_within_what_chance_allows(model) -> None:
    weights = {"A": 1, "B": 3, "C": 6}
    for name, weight in weights.items():
        serving(model, name, weight=weight)
    serving(model, "Later", priority=101, weight=1000)
    chance, draws = random.Random(20260208), 3_000

    drawn = Counter(chosen(model, chance=chance).name for _ in range(draws))

    assert set(drawn) == set(weights)
    for name, weight in weights.items():
        share = weight / 10
        # Four standard deviations of the binomial: a right pool fails here once in 16,000 seeds.
        allowed = 4 * math.sqrt(draws * share * (1 - share))
        assert abs(drawn[name] - draws * share) < allowed, (name, drawn)


def test_who_comes_second_is_drawn_by_weight_too() -> None:
    found = [GatewayKey(pk=pk, priority=1, weight=weight) for pk, weight in ((1, 1), (2, 3), (3, 6))]
    chance, draws = random.Random(7), 20_000

    seconds = Counter(pool.in_order(found, chance)[1].pk for _ in range(draws))

    # By hand: key 3 comes second after 1 (1/10 · 6/9) or after 2 (3/10 · 6/7).
    share = 1 / 10 * 6 / 9 + 3 / 10 * 6 / 7
    assert abs(seconds[3] - draws * share) < 4 * math.sqrt(draws * share * (1 - share))


# --- Cool-downs ------------------------------------------------------------------------------------


def test_a_key_that_cools_down_is_passed_over_until_it_ends(model) -> None:
    first, second = serving(model, "First", priority=1), serving(model, "Second", priority=2)
    rest(first, Reason.REFUSED, 60)

    assert chosen(model) == second
    assert chosen(model, now=NOW + timedelta(seconds=60)) == first


def test_a_cool_down_of_another_model_counts_nothing(model) -> None:
    key, stand_in = serving(model, "Team", priority=1), serving(model, "Stand-in", priority=2)
    rest(key, Reason.UNSERVED, 60, model=factories.model("another", key=key))
    assert chosen(model) == key

    rest(key, Reason.UNSERVED, 60, model=model)
    assert chosen(model) == stand_in
    rest(stand_in, Reason.UNSERVED, 60, model=model)
    with pytest.raises(pool.NoKeyLeft, match="does not serve this model"):
        chosen(model)


def test_where_all_cool_down_for_a_short_while_the_soonest_is_waited_for(model) -> None:
    for name, seconds in (("A", 20), ("B", 5), ("C", 60)):
        rest(serving(model, name), Reason.LIMITED, seconds)
    rest(serving(model, "D"), Reason.REFUSED, 1)

    choice = pool.choose(model, person=None, now=NOW)

    assert (choice.key, choice.wait, choice.reason) == (None, 5, Reason.LIMITED)


@pytest.mark.parametrize(
    ("reason", "seconds", "sentence"),
    [
        (Reason.LIMITED, 600, "limiting requests just now. Try again in 10 minutes."),
        (Reason.AWAY, 45, "not available just now. Try again in 45 s."),
        (Reason.REFUSED, 60, "refuses the keys for this model, or their balance is used up. Ask an admin."),
        (Reason.USED_UP, 6 * 3600, "refuses the keys"),
    ],
)
def test_a_long_cool_down_of_all_keys_is_a_sentence(model, reason, seconds, sentence) -> None:
    rest(serving(model, "Team"), reason, seconds)
    rest(serving(model, "Old"), Reason.REFUSED, 9 * 3600)

    with pytest.raises(pool.NoKeyLeft) as refusal:
        chosen(model)

    assert sentence in str(refusal.value)
    assert "Team" not in str(refusal.value)
    assert "“Team” is left alone for" in refusal.value.detail


@pytest.mark.parametrize("reason", list(Reason))
def test_the_only_key_never_rests(model, ada, reason) -> None:
    key = serving(model, "Team")
    rest(key, reason, 6 * 3600)
    other = serving(model, "For others")
    other.groups.add(Group.objects.create(name="Others"))

    choice = pool.choose(model, person=ada, now=NOW)

    assert choice.key == key
    assert choice.has_rested


def test_a_key_that_was_asked_a_moment_ago_is_worth_a_wait_and_no_second_call(model) -> None:
    key = serving(model, "Team")

    choice = pool.choose(model, person=None, after={key.pk}, now=NOW)
    assert (choice.key, choice.wait) == (None, 0)

    with pytest.raises(pool.NoKeyLeft):
        chosen(model, without={key.pk})


def test_what_is_noted_since_the_last_call_holds_for_the_next(model) -> None:
    first, second = serving(model, "First", priority=1), serving(model, "Second", priority=2)
    assert chosen(model) == first

    cooldowns.begin(first, errors.KeyRejected(status=401), model=model, asked_at=NOW, now=NOW)

    assert chosen(model) == second


# --- What it costs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 20])
def test_a_choice_is_one_query_and_one_each_for_cool_downs_and_the_cap(
    model, ada, count, django_assert_num_queries
) -> None:
    for number in range(count):
        key = serving(model, f"Key {number}", cap_per_day=10**9)
        rest(key, Reason.LIMITED, -1)

    with django_assert_num_queries(3):
        choice = pool.choose(model, person=ada, now=NOW)
    assert choice.has_rested

    KeyCooldown.objects.all().delete()
    GatewayKey.objects.update(cap_per_day=None)
    with django_assert_num_queries(1):
        choice = pool.choose(model, person=ada, now=NOW)
    assert not choice.has_rested


def test_a_choice_knows_of_an_open_alert(model) -> None:
    serving(model, "Team")
    assert not pool.choose(model, person=None).is_alerted

    alerts.tell(pool.alert_topic(model), "No key answered.")
    assert pool.choose(model, person=None).is_alerted

    alerts.close(pool.alert_topic(model))
    assert not pool.choose(model, person=None).is_alerted
    gateway.set_practice_address(None)
