"""The record of calls."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from conversations.chainhub.events import Usage
from conversations.models import Call, Purpose, UsageDay, UsageSource
from conversations.services import calls
from tests import factories


@pytest.fixture
def key(db):
    return factories.gateway_key("Team")


def test_a_row_stands_from_the_beginning(key, ada):
    model = factories.model("gpt-4o", key=key)

    call = calls.begin(
        purpose=Purpose.ANSWER,
        generation=None,
        attempt=2,
        key=key,
        person=ada,
        model=model,
        wire="chat_completions",
    )

    stored = Call.objects.get()
    assert stored == call
    assert (stored.key_name, stored.person_name, stored.model_name) == ("Team", "ada", "gpt-4o")
    assert (stored.attempt, stored.wire, stored.ended_at) == (2, "chat_completions", None)


def test_an_end_completes_it_once(key):
    call = calls.begin(purpose=Purpose.SYNC, key=key)

    assert calls.end(call, status=200, request_id="req-1", total_ms=12, first_token_ms=7)
    assert not calls.end(Call.objects.get(), status=500, error_kind="gateway_unavailable")

    stored = Call.objects.get()
    assert (stored.status, stored.request_id, stored.error_kind) == (200, "req-1", "")
    assert (stored.first_token_ms, stored.total_ms) == (7, 12)
    assert stored.ended_at is not None


def test_it_survives_its_key_model_and_person(key, ada):
    model = factories.model("gpt-4o", key=key)
    calls.begin(purpose=Purpose.TEST, key=key, person=ada, model=model)

    key.delete()
    model.delete()
    ada.delete()

    stored = Call.objects.get()
    assert (stored.key, stored.model, stored.person) == (None, None, None)
    assert (stored.key_name, stored.model_name, stored.person_name) == ("Team", "gpt-4o", "ada")


def test_usage_is_kept_as_told(key):
    call = calls.begin(purpose=Purpose.ANSWER, key=key)

    calls.end(call, usage=Usage(100, 40, None, 20, 0, raw={"prompt_tokens": 100, "x": {"y": [1, 2]}}))

    stored = Call.objects.get()
    assert (stored.input_tokens, stored.cached_tokens, stored.cache_written_tokens) == (100, 40, None)
    assert (stored.output_tokens, stored.thinking_tokens) == (20, 0)
    assert stored.raw_usage == {"prompt_tokens": 100, "x": {"y": [1, 2]}}
    assert stored.usage_source == UsageSource.GATEWAY


@pytest.mark.parametrize("count", [-1, 10**12, True, "12", 1.5, None])
def test_an_unbelievable_count_is_kept_raw_and_not_counted(key, count):
    call = calls.begin(purpose=Purpose.ANSWER, key=key)

    calls.end(call, usage=Usage(count, None, None, None, None, raw={"prompt_tokens": count}))

    stored = Call.objects.get()
    assert stored.input_tokens is None
    assert stored.raw_usage == {"prompt_tokens": count}


def test_raw_usage_that_no_database_takes_is_made_storable(key):
    call = calls.begin(purpose=Purpose.ANSWER, key=key)
    deep: dict[str, object] = {}
    for _ in range(50):
        deep = {"d": deep}

    calls.end(
        call, usage=Usage(1, 1, 1, 1, 1, raw={"n": math.nan, "half": "\ud800", "nul": "a\0b", "deep": deep})
    )

    stored = Call.objects.get().raw_usage
    assert (stored["n"], stored["half"], stored["nul"]) == ("nan", "?", "ab")


def test_raw_usage_without_end_is_left_out(key):
    call = calls.begin(purpose=Purpose.ANSWER, key=key)

    calls.end(call, usage=Usage(1, None, None, None, None, raw={"x": "y" * 100_000}))

    assert "left_out" in Call.objects.get().raw_usage


def test_the_secret_is_taken_out_of_whatever_came_back(key):
    call = calls.begin(purpose=Purpose.ANSWER, key=key)

    calls.end(
        call,
        request_id=f"id {factories.SECRET}",
        model_answered=factories.SECRET,
        usage=Usage(1, None, None, None, None, raw={factories.SECRET: [factories.SECRET]}),
    )

    stored = Call.objects.values_list("request_id", "model_answered", "raw_usage").get()
    assert factories.SECRET not in str(stored)


def test_overlong_words_are_cut(key):
    call = calls.begin(purpose=Purpose.ANSWER, key=key)

    calls.end(call, request_id="r" * 999, model_answered="m" * 999, error_kind="k" * 99)

    stored = Call.objects.get()
    assert (len(stored.request_id), len(stored.model_answered), len(stored.error_kind)) == (200, 200, 40)


def left_behind(key, purpose: Purpose, *, hours: float = 2, **fields) -> Call:
    call = calls.begin(purpose=purpose, key=key, **fields)
    Call.objects.filter(pk=call.pk).update(started_at=timezone.now() - timedelta(hours=hours))
    return call


def test_what_a_killed_process_left_is_ended_and_counted_once(key, ada):
    title = left_behind(key, Purpose.TITLE, person=ada, model=factories.model("gpt-4o", key=key))
    listing = left_behind(key, Purpose.SYNC)

    assert calls.end_what_was_left(timezone.now()) == 2
    assert calls.end_what_was_left(timezone.now()) == 0

    title.refresh_from_db()
    listing.refresh_from_db()
    assert (title.error_kind, title.cost) == ("engine_gone", None)
    assert (listing.error_kind, listing.cost) == ("engine_gone", 0)
    told = UsageDay.objects.aggregate(calls=Sum("calls"), unpriced=Sum("unpriced"))
    assert told == {"calls": 2, "unpriced": 1}


def test_what_is_still_under_way_is_left_alone(key, ada):
    left_behind(key, Purpose.TITLE, hours=0.5)
    turn = factories.ask(ada)
    left_behind(key, Purpose.ANSWER, generation=factories.generation_of(turn))

    assert calls.end_what_was_left(timezone.now()) == 0
    factories.end(turn)
    assert calls.end_what_was_left(timezone.now()) == 1
