"""What an answer and a conversation have cost, where it was made."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from conversations.models import Call, Conversation, Generation, Purpose, UsageSource
from conversations.services import spending
from conversations.templatetags import money
from tests import factories


def call(generation: Generation, **fields: Any) -> Call:
    return Call.objects.create(
        **{
            "purpose": Purpose.ANSWER,
            "generation": generation,
            "model_name": "gpt-4o",
            "ended_at": timezone.now(),
            "currency": "USD",
            "usage_source": UsageSource.GATEWAY,
        }
        | fields
    )


@pytest.fixture
def made(ada):
    """An answer of Ada's that has ended."""
    turn = factories.ask(ada)
    generation = factories.generation_of(turn)
    Generation.objects.filter(pk=generation.pk).update(state="succeeded", ended_at=timezone.now())
    return generation


def conversation_of(generation: Generation) -> Conversation:
    return generation.message.conversation


def page(client, generation: Generation, part: str = "") -> str:
    return client.get(conversation_of(generation).get_absolute_url() + part).content.decode()


def test_the_info_of_an_answer_adds_up_all_its_calls(ada_client, made):
    call(made, input_tokens=82, output_tokens=46, cost=1_200_000)
    call(made, input_tokens=401, output_tokens=97, cached_tokens=64, cost=3_000_000)

    shown = page(ada_client, made)

    assert "<dt>Tokens in</dt><dd>483</dd>" in shown
    assert "<dt>Tokens out</dt><dd>143</dd>" in shown
    assert "<dt>of these cached</dt><dd>64</dd>" in shown
    assert "$0.0042" in shown
    assert "estimated" not in shown
    assert "unpriced" not in shown


def test_what_was_estimated_and_what_has_no_price_is_marked(ada_client, made):
    call(made, input_tokens=1, output_tokens=1, cost=5, usage_source=UsageSource.ESTIMATE)
    call(made, input_tokens=1, output_tokens=1, cost=None)

    shown = page(ada_client, made)

    assert "$0.000000005" in shown
    assert "<small>estimated</small>" in shown
    assert "1 of 2 calls unpriced" in shown


def test_an_answer_without_a_price_is_unpriced_and_never_nothing(ada_client, made):
    call(made, input_tokens=1, output_tokens=1, cost=None, currency="")

    shown = page(ada_client, made)

    assert "<small>unpriced</small>" in shown
    assert "0.00" not in shown


def test_a_conversations_cost_holds_every_version_and_the_title(ada_client, made):
    call(made, input_tokens=10, output_tokens=5, cost=1_000_000_000)
    call(
        made,
        purpose=Purpose.TITLE,
        model_name="gpt-4o-mini",
        input_tokens=3,
        output_tokens=2,
        cost=500_000_000,
    )
    call(made, model_name="gpt-4o-mini", cost=2_000_000_000, currency="CNY")
    call(made, ended_at=None, cost=None)

    shown = " ".join(page(ada_client, made, "cost/").split())

    assert "CN¥2.00 + $0.50" in shown
    assert "CN¥2.00 + $1.50" in shown
    assert "unpriced" not in shown
    assert "<td>3</td>" in shown


def test_a_conversation_in_which_nothing_was_asked_says_so(ada_client, made):
    assert "Nothing was asked of a model here yet." in page(ada_client, made, "cost/")


def test_a_strangers_conversation_tells_no_cost(eve_client, made):
    assert eve_client.get(conversation_of(made).get_absolute_url() + "cost/").status_code == 404


@pytest.mark.parametrize("count", [1, 20])
def test_the_cost_of_a_conversation_is_one_query(made, count, django_assert_num_queries):
    for _ in range(count):
        call(made, cost=7)
    conversation = conversation_of(made)

    with django_assert_num_queries(1):
        assert spending.of_conversation(conversation)[-1].costs[0].amount == 7 * count


COSTS = st.lists(
    st.tuples(st.none() | st.integers(0, 10**15), st.sampled_from(["USD", "credits"]), st.sampled_from("ab"))
)


@given(COSTS)
def test_sums_equal_rows(rows):
    calls = [
        Call(cost=cost, currency=currency, model_name=model, ended_at=timezone.now())
        for cost, currency, model in rows
    ]

    spent = spending.of_calls(calls)

    expected: dict[str, int] = {}
    for cost, currency, _ in rows:
        if cost is not None:
            expected[currency] = expected.get(currency, 0) + cost
    shown = {sum.currency: sum.amount for sum in spent.costs} if spent else {}
    assert shown == expected
    assert (spent.unpriced if spent else 0) == sum(cost is None for cost, _, _ in rows)


# --- In words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nano", "currency", "text"),
    [
        (4_200_000, "USD", "$0.0042"),
        (4_200_000, "credits", "0.0042\N{NO-BREAK SPACE}credits"),
        (1, "USD", "$0.000000001"),
        (0, "USD", "$0.00"),
        (123_456_789, "USD", "$0.1235"),
        (1_234_567_000_000, "EUR", "€1\N{NARROW NO-BREAK SPACE}234.57"),
        (4_256, "USD", "$0.0000043"),
        (9_999_999, "USD", "$0.01"),
        (1_500_000_000, "", "1.50"),
    ],
)
def test_money_in_words(nano, currency, text):
    assert money.money(nano, currency) == text


@given(st.integers(1, 10**18))
def test_a_positive_sum_is_never_shown_as_nothing(nano):
    assert any(digit in "123456789" for digit in money.money(nano, "USD"))


@pytest.mark.parametrize(
    ("nano", "text"),
    [(1_250_000_000, "1.25"), (15_000_000, "0.015"), (10_000_000_000, "10.00"), (1, "0.000000001")],
)
def test_a_price_is_written_exactly(nano, text):
    assert money.price(nano) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (100, 125, "+25\N{NARROW NO-BREAK SPACE}%"),
        (1000, 996, "−0.4\N{NARROW NO-BREAK SPACE}%"),
        (0, 5, ""),
        (5, 5, ""),
    ],
)
def test_a_change_in_per_cent(before, after, text):
    assert money.change(before, after) == text
