"""What a call costs: examples worked by hand, and rules that hold for every number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from conversations.chainhub.events import Usage
from conversations.models import AuditEntry, Call, Price, PriceSource, Purpose, Tariff, UsageSource
from conversations.services import calls, price_list, pricing
from conversations.services.errors import Refused
from conversations.services.price_list import NewPrice
from tests import factories

NANO = pricing.NANO


def nano(text: str) -> int:
    """Read "1.25" as nano-units, by digits."""
    whole, _, rest = text.partition(".")
    return int(whole) * NANO + int(rest.ljust(9, "0") or 0)


def price(**amounts: str) -> Price:
    return Price(**{name: nano(text) for name, text in amounts.items()})


# --- Worked by hand --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "used", "cost"),
    [
        # 1 000 × 2.50 / 10⁶ = 0.0025; 500 × 10 / 10⁶ = 0.005; together 0.0075.
        ({"input": "2.5", "output": "10"}, {"input_tokens": 1000, "output_tokens": 500}, "0.0075"),
        # 600 fresh × 2.50 = 0.0015; 400 cached × 1.25 = 0.0005; 0 output.
        (
            {"input": "2.5", "cached": "1.25", "output": "10"},
            {"input_tokens": 1000, "cached_tokens": 400, "output_tokens": 0},
            "0.002",
        ),
        # Cached without a price of its own: as input, so 1 000 × 2.50.
        (
            {"input": "2.5", "output": "10"},
            {"input_tokens": 1000, "cached_tokens": 400, "output_tokens": 0},
            "0.0025",
        ),
        # 1 000 in all: 100 fresh × 3 = 0.0003; 700 cached × 0.30 = 0.00021; 200 written × 3.75 = 0.00075.
        (
            {"input": "3", "cached": "0.3", "cache_write": "3.75", "output": "15"},
            {
                "input_tokens": 1000,
                "cached_tokens": 700,
                "cache_written_tokens": 200,
                "output_tokens": 0,
            },
            "0.00126",
        ),
        # A cache write without a price of its own: as input, 1 000 × 3.
        (
            {"input": "3", "output": "15"},
            {"input_tokens": 1000, "cache_written_tokens": 200, "output_tokens": 0},
            "0.003",
        ),
        # Thinking is part of the 220: 28 × 10 = 0.00028 and 192 × 4 = 0.000768. Never 220 and 192.
        (
            {"input": "0", "output": "10", "thinking": "4"},
            {"input_tokens": 16, "output_tokens": 220, "thinking_tokens": 192},
            "0.001048",
        ),
        # Without a price of its own thinking costs what output costs: 220 × 10.
        (
            {"input": "0", "output": "10"},
            {"input_tokens": 16, "output_tokens": 220, "thinking_tokens": 192},
            "0.0022",
        ),
        # A price a call, whatever the tokens, and where nobody told them.
        ({"per_call": "0.04"}, {"input_tokens": 5000, "output_tokens": 5000}, "0.04"),
        ({"per_call": "0.04"}, {}, "0.04"),
        # Both: 0.01 + 1 000 × 2 / 10⁶.
        (
            {"per_call": "0.01", "input": "2", "output": "8"},
            {"input_tokens": 1000, "output_tokens": 0},
            "0.012",
        ),
        # 3 pictures × 0.24; 1.5 s × 0.10.
        ({"per_image": "0.24"}, {"images": 3}, "0.72"),
        ({"per_second": "0.1"}, {"media_ms": 1500}, "0.15"),
    ],
)
def test_a_call_costs_what_was_worked_out_by_hand(
    amounts: dict[str, str], used: dict[str, int], cost: str
) -> None:
    assert pricing.cost_of(price(**amounts), **used) == nano(cost)


@pytest.mark.parametrize(
    ("tokens", "cost"),
    [
        # At 0.0005 a million one token is half a nano-unit: half up, once, at the end.
        (1, 1),
        (2, 1),
        (3, 2),
        (1000, 500),
    ],
)
def test_it_is_rounded_once_and_half_up(tokens: int, cost: int) -> None:
    assert pricing.cost_of(price(input="0.0005", output="0"), input_tokens=tokens, output_tokens=0) == cost


def test_halves_of_input_and_output_are_added_before_they_are_rounded() -> None:
    # Half a nano-unit and half a nano-unit are one, not two.
    both = price(input="0.0005", output="0.0005")

    assert pricing.cost_of(both, input_tokens=1, output_tokens=1) == 1


@pytest.mark.parametrize(
    ("amounts", "used"),
    [
        (None, {"input_tokens": 1, "output_tokens": 1}),
        ({}, {"input_tokens": 1, "output_tokens": 1}),
        ({"input": "1", "output": "1"}, {}),
        ({"input": "1", "output": "1"}, {"input_tokens": 1}),
        ({"input": "1", "output": "1"}, {"output_tokens": 1}),
        # Half a price: what came out is priced nowhere.
        ({"input": "1"}, {"input_tokens": 1, "output_tokens": 1}),
        ({"per_image": "1"}, {}),
        ({"per_second": "1"}, {"input_tokens": 5, "output_tokens": 5}),
    ],
)
def test_what_cannot_be_told_is_unpriced_and_not_nothing(amounts: Any, used: dict[str, int]) -> None:
    of = None if amounts is None else price(**amounts)

    assert pricing.cost_of(of, **used) is None


def test_more_cached_tokens_than_tokens_count_as_all_of_them() -> None:
    of = price(input="2", cached="1", cache_write="4", output="0")

    assert pricing.cost_of(
        of, input_tokens=10, cached_tokens=99, cache_written_tokens=99, output_tokens=0
    ) == pricing.cost_of(of, input_tokens=10, cached_tokens=10, output_tokens=0)


# --- For every number ------------------------------------------------------------------------------

AMOUNT = st.integers(0, pricing.MOST)
TOKENS = st.integers(0, calls.ABSURD_TOKENS)


@given(AMOUNT, AMOUNT, st.none() | AMOUNT, st.none() | AMOUNT, st.none() | AMOUNT, TOKENS, TOKENS, TOKENS)
def test_a_cost_is_a_whole_number_that_a_database_holds_and_within_one_of_the_exact_sum(
    input: int, output: int, cached: int | None, write: int | None, per_call: int | None,
    fresh: int, hit: int, out: int,
) -> None:  # fmt: skip
    of = Price(input=input, output=output, cached=cached, cache_write=write, per_call=per_call)
    total = fresh + hit

    cost = pricing.cost_of(of, input_tokens=total, cached_tokens=hit, output_tokens=out)

    exact = fresh * input + hit * (input if cached is None else cached) + out * output
    exact += (per_call or 0) * pricing.MILLION
    assert type(cost) is int
    assert 0 <= cost < 2**63
    # Rounded half up, in whole numbers: 2·cost·10⁶ lies within one million of twice the exact sum.
    assert -pricing.MILLION < 2 * (cost * pricing.MILLION - exact) <= pricing.MILLION


@given(AMOUNT, AMOUNT, TOKENS, TOKENS, st.integers(0, 1000), st.integers(0, 1000))
def test_more_tokens_never_cost_less(input: int, output: int, n: int, m: int, dn: int, dm: int) -> None:
    of = Price(input=input, output=output)

    less, more = (
        pricing.cost_of(of, input_tokens=n, output_tokens=m),
        pricing.cost_of(of, input_tokens=n + dn, output_tokens=m + dm),
    )

    assert less is not None
    assert more is not None
    assert less <= more


# --- Which price -----------------------------------------------------------------------------------


@pytest.fixture
def key(db):
    return factories.gateway_key("Team")


def begin(
    model: str = "gpt-4o",
    *,
    group: str = "default",
    valid_from=None,
    base_url=factories.GATEWAY,
    **amounts: str,
) -> Price:
    amounts = amounts or {"input": "2.5", "output": "10"}
    values = {name: nano(text) for name, text in amounts.items()}
    new = NewPrice(model, values, PriceSource.HAND)
    return price_list.add(base_url, price_group=group, new=new, valid_from=valid_from, by=None)


def found(model: str = "gpt-4o", *, group: str = "default", at=None, base_url=factories.GATEWAY):
    at = at or timezone.now()
    return pricing.price_for(base_url=base_url, price_group=group, model_name=model, at=at)


def test_the_groups_own_price_comes_before_that_of_every_group(db):
    every = begin(group="")
    own = begin(group="vip")

    assert found(group="vip") == own
    assert found(group="default") == every


def test_a_price_holds_at_its_base_url_for_its_model_alone(db):
    begin()

    assert found("gpt-4o-mini") is None
    assert found(base_url="http://other.test") is None


def test_a_price_changed_tomorrow_changes_nothing_of_yesterday(db):
    now = timezone.now()
    first = begin()
    second = begin(valid_from=now + timedelta(days=1), input="3", output="12")

    assert found() == first
    assert found(at=now + timedelta(days=1, seconds=1)) == second
    first.refresh_from_db()
    assert first.valid_until == second.valid_from
    assert first.input == nano("2.5")


def test_a_price_between_two_ends_where_the_next_begins(db):
    now = timezone.now()
    last = begin(valid_from=now + timedelta(days=10), input="9", output="9")
    between = begin(valid_from=now + timedelta(days=5), input="5", output="5")
    first = begin(input="1", output="1")

    assert [found(at=now + timedelta(days=days)) for days in (1, 6, 11)] == [first, between, last]
    assert Price.objects.filter(valid_until=None).count() == 1


def test_a_price_that_was_is_refused(db):
    with pytest.raises(Refused, match="begins now or later"):
        begin(valid_from=timezone.now() - timedelta(days=1))


def test_what_has_begun_is_not_withdrawn_and_what_has_not_is(db, staff):
    now = begin()
    later = begin(valid_from=timezone.now() + timedelta(days=1), input="3", output="12")

    with pytest.raises(Refused, match="has begun"):
        price_list.withdraw(now, by=staff)
    price_list.withdraw(later, by=staff)

    now.refresh_from_db()
    assert now.valid_until is None
    assert list(Price.objects.all()) == [now]
    assert AuditEntry.objects.filter(action="price.deleted", actor_pk=staff.pk).count() == 1


def test_an_ended_price_leaves_its_model_unpriced(db, staff):
    price_list.end(begin(), by=staff)

    assert found() is None
    with pytest.raises(Refused, match="not in force"):
        price_list.end(Price.objects.get(), by=staff)


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        ({"cached": "1"}, "both: input and output"),
        ({"input": "1"}, "both: input and output"),
        ({"per_call": "1000001"}, "between 0 and"),
    ],
)
def test_half_a_price_is_refused(db, amounts, words):
    with pytest.raises(Refused, match=words):
        begin(**amounts)
    assert not Price.objects.exists()


def test_looking_a_price_up_again_asks_nothing(db, django_assert_num_queries):
    begin()
    found()

    with django_assert_num_queries(0):
        assert found() is not None


def test_a_price_to_come_counts_from_its_moment_though_it_is_remembered(db):
    later = timezone.now() + timedelta(days=1)
    begin(valid_from=later)

    assert found() is None
    assert found(at=later) is not None


# --- On the call -----------------------------------------------------------------------------------


def made(key, person=None, usage: Usage | None = None, **ended: Any) -> Call:
    model = factories.model("gpt-4o", key=key) if not key.models.exists() else key.models.get()
    call = calls.begin(purpose=Purpose.ANSWER, key=key, person=person, model=model)
    assert calls.end(call, usage=usage, **ended)
    return Call.objects.get(pk=call.pk)


def told(input: int = 1000, output: int = 500) -> Usage:
    return Usage(input, None, None, output, None, raw={"prompt_tokens": input})


def test_a_call_keeps_its_cost_and_the_price_that_it_was_counted_with(key, staff):
    first = begin()
    call = made(key, usage=told())
    price_list.end(first, by=staff)
    begin(input="5", output="20")

    call.refresh_from_db()
    assert (call.cost, call.currency) == (nano("0.0075"), "credits")
    assert call.price_snapshot == {
        "price": first.pk,
        "price_group": "default",
        "valid_from": first.valid_from.isoformat(),
        "source": "hand",
        "input": nano("2.5"),
        "output": nano("10"),
    }
    assert made(key, usage=told()).cost == nano("0.015")


def test_the_price_is_the_one_of_the_beginning(key, staff):
    first = begin()
    call = calls.begin(purpose=Purpose.ANSWER, key=key, model=factories.model("gpt-4o", key=key))
    begin(input="5", output="20")

    calls.end(call, usage=told())

    assert Call.objects.get().price_snapshot["price"] == first.pk


def test_a_call_without_a_price_is_unpriced(key):
    call = made(key, usage=told())

    assert (call.cost, call.price_snapshot) == (None, None)
    assert call.input_tokens == 1000


def test_a_refused_call_costs_nothing_and_is_not_unpriced(key):
    begin(per_call="1")

    call = made(key, status=429, error_kind="rate_limited", is_free=True)

    assert call.cost == 0
    assert call.usage_source == UsageSource.NONE


def test_a_refused_call_whose_usage_was_told_all_the_same_is_counted(key):
    begin()

    assert made(key, status=400, error_kind="request_refused", is_free=True, usage=told()).cost == nano(
        "0.0075"
    )


def test_what_was_not_told_is_estimated_and_marked(key):
    begin()

    call = made(key, estimate=told(100, 50))

    assert call.usage_source == UsageSource.ESTIMATE
    assert (call.input_tokens, call.output_tokens) == (100, 50)
    # 100 × 2.50 + 50 × 10, by 10⁶.
    assert call.cost == nano("0.00075")


@pytest.mark.parametrize("absurd", [-5, None, 10**12, "12", True])
def test_an_absurd_count_stays_raw_and_the_estimate_stands_in_for_it(key, absurd):
    begin()
    usage = Usage(absurd, None, None, 500, None, raw={"prompt_tokens": absurd})
    assert not calls.is_told(usage)

    call = made(key, usage=usage, estimate=told(100, 1))

    assert (call.input_tokens, call.output_tokens) == (100, 500)
    assert call.raw_usage == {"prompt_tokens": absurd}
    assert call.usage_source == UsageSource.ESTIMATE


def test_an_absurd_count_without_an_estimate_is_unpriced(key):
    begin()

    assert made(key, usage=Usage(-5, None, None, 500, None)).cost is None


def test_the_currency_is_that_of_the_base_url(key, staff):
    begin()
    price_list.set_currency(Tariff.objects.get(), "USD", by=staff)

    assert made(key, usage=told()).currency == "USD"


def test_the_first_team_group_by_name_is_kept_and_no_role(key, ada):
    for name in ("Writers", "Admin", "Authors"):
        ada.groups.add(Group.objects.get_or_create(name=name)[0])

    assert made(key, ada, usage=told()).group_name == "Authors"


@pytest.mark.parametrize("currency", ["usd", "", "US", "<b>", "A" * 30, "DOLLARS"])
def test_what_is_no_currency_is_refused(db, staff, currency):
    tariff = price_list.tariff_for(factories.GATEWAY)

    with pytest.raises(Refused):
        price_list.set_currency(tariff, currency, by=staff)


def test_models_without_a_price_are_counted_by_the_group_of_their_keys(key):
    factories.model("gpt-4o", key=key)
    factories.model("gpt-4o-mini", key=key)
    factories.model("off", key=key, is_enabled=False)
    begin("gpt-4o")
    begin("gpt-4o-mini", group="vip")

    assert [model.name for model in price_list.unpriced_models()] == ["gpt-4o-mini"]
    begin("gpt-4o-mini", group="")
    assert not price_list.unpriced_models().exists()
