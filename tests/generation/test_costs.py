"""What the engine writes down of an answer's cost, however the answer ends."""

from __future__ import annotations

import uuid

import pytest
from django.db.models import Sum
from django.utils import timezone

from conversations.generation import finishing
from conversations.generation.engine import Engine
from conversations.models import (
    Call,
    GatewayKey,
    Generation,
    GenerationEvent,
    GenerationState,
    PriceSource,
    Purpose,
    UsageDay,
    UsageSource,
    User,
)
from conversations.services import calls, price_import, price_list, sending
from conversations.services.price_list import NewPrice
from tests import factories
from tests.generation.conftest import ended, practice_model, text_of
from tests.waiting import until

NANO = 1_000_000_000


def priced(suffix: str, **amounts: int) -> None:
    """A practice model that costs 2 a million in and 10 out, or what is said."""
    practice_model(suffix, is_default=True)
    amounts = amounts or {"input": 2 * NANO, "output": 10 * NANO}
    price_list.add(
        GatewayKey.objects.get().base_url,
        price_group="default",
        new=NewPrice(f"practice-{suffix}", amounts, PriceSource.HAND),
        valid_from=None,
        by=None,
    )


def only_call() -> Call:
    return Call.objects.get(purpose=Purpose.ANSWER)


def worked_out(call: Call) -> int:
    """2 a million in and 10 a million out: whole nano-units by themselves."""
    return (call.input_tokens or 0) * 2_000 + (call.output_tokens or 0) * 10_000


def test_an_answer_costs_what_the_gateway_told(engine: Engine, ada: User) -> None:
    priced("chat")
    assert ended(factories.ask(ada, model_name="practice-chat")).state == GenerationState.SUCCEEDED

    call = only_call()
    assert call.usage_source == UsageSource.GATEWAY
    assert call.cost == worked_out(call) > 0
    assert UsageDay.objects.aggregate(cost=Sum("cost"), calls=Sum("calls")) == {"cost": call.cost, "calls": 1}


@pytest.mark.parametrize("suffix", ["cut", "error-chunk", "no-usage"])
def test_text_without_a_word_about_usage_is_estimated(engine: Engine, ada: User, suffix: str) -> None:
    priced(suffix)
    turn = factories.ask(ada, model_name=f"practice-{suffix}")
    ended(turn)

    call = only_call()
    assert text_of(turn)
    assert call.usage_source == UsageSource.ESTIMATE
    assert call.input_tokens
    assert call.output_tokens
    assert call.cost == worked_out(call) > 0
    assert UsageDay.objects.aggregate(found=Sum("estimated")) == {"found": 1}


def test_a_stopped_answer_is_estimated(engine: Engine, ada: User) -> None:
    priced("steady")
    turn = factories.ask(ada, "500 tokens every 100 ms", model_name="practice-steady")
    until(lambda: GenerationEvent.objects.filter(data__has_key="parts").exists())
    sending.stop(turn.answer)
    assert ended(turn).state == GenerationState.STOPPED

    call = only_call()
    assert call.usage_source == UsageSource.ESTIMATE
    assert call.cost == worked_out(call) > 0


def test_a_refused_answer_costs_nothing_and_is_told_so(engine: Engine, ada: User) -> None:
    priced("400", per_call=NANO)
    assert ended(factories.ask(ada, model_name="practice-400")).state == GenerationState.FAILED

    call = only_call()
    assert (call.cost, call.currency, call.usage_source) == (0, "credits", UsageSource.NONE)
    assert UsageDay.objects.aggregate(found=Sum("unpriced")) == {"found": 0}


def test_without_a_price_an_answer_is_unpriced(engine: Engine, ada: User) -> None:
    practice_model("chat", is_default=True)
    ended(factories.ask(ada, model_name="practice-chat"))

    assert only_call().cost is None
    assert UsageDay.objects.aggregate(found=Sum("unpriced")) == {"found": 1}


def test_what_a_gone_engine_has_asked_is_estimated_once(db: None, ada: User) -> None:
    turn = factories.ask(ada)
    generation = factories.generation_of(turn)
    call = calls.begin(
        purpose=Purpose.ANSWER, generation=generation, key=GatewayKey.objects.get(), model=generation.model
    )
    lease = {"lease_owner": uuid.uuid4(), "lease_until": timezone.now()}
    Generation.objects.filter(pk=generation.pk).update(state=GenerationState.RUNNING, **lease)

    assert finishing.recover(factories.generation_of(turn))

    call.refresh_from_db()
    assert (call.error_kind, call.usage_source) == ("engine_gone", UsageSource.ESTIMATE)
    assert call.input_tokens
    assert call.output_tokens == 0
    assert UsageDay.objects.aggregate(found=Sum("calls")) == {"found": 1}


def test_the_practice_table_prices_an_answer(engine: Engine, ada: User) -> None:
    practice_model("chat", is_default=True)
    proposal = price_import.read(GatewayKey.objects.get())
    assert proposal
    price_import.apply(proposal, by=None)

    ended(factories.ask(ada, model_name="practice-chat"))

    # 0.5 × 2 = 1 a million in, × 4 = 4 out.
    call = only_call()
    assert call.cost == (call.input_tokens or 0) * 1_000 + (call.output_tokens or 0) * 4_000
