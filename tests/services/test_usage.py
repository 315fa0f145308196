"""Usage is counted once, with the end of each call, and every sum equals the calls it is made of."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import Call, Cut, Tariff, UsageCut, UsageDay, User
from conversations.services import usage, usage_asking, usage_reports
from conversations.services.errors import Refused
from conversations.services.usage_sources import DIMENSIONS, Only
from tests import factories
from tests.services.usage_calls import NANO, ended, of, summed

# Few values: what falls into one place must be added up there.
places = st.integers(0, 7)
tokens = st.none() | st.integers(0, 10**9)
made_calls = st.lists(
    st.fixed_dictionaries(
        {
            "person": st.integers(0, 2),
            "key": st.integers(0, 2),
            "days_ago": places,
            "group_name": st.sampled_from(("Blue", "Blue", "")),
            "model_name": st.sampled_from(("gpt-4o", "gpt-4o", "")),
            "cost": st.none() | st.integers(0, 10**15),
            "currency": st.sampled_from(("credits", "credits", "USD", "")),
            "error_kind": st.sampled_from(("", "", "timeout")),
            "usage_source": st.sampled_from(("none", "gateway", "estimate")),
            "input_tokens": tokens,
            "cached_tokens": tokens,
            "cache_written_tokens": tokens,
            "output_tokens": tokens,
            "thinking_tokens": tokens,
        }
    ),
    min_size=1,
    max_size=25,
)
# The same every time; the database is emptied by each example itself.
some = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def sums_of(rows: Any) -> dict[tuple, dict[str, int]]:
    return {(*(place.value for place in row.places), row.currency): vars(row.sums) for row in rows}


@some
@given(
    made=made_calls,
    by=st.lists(st.sampled_from(DIMENSIONS), max_size=2, unique=True),
    preset=st.sampled_from([*usage_asking.PRESETS, *[usage_asking.CUSTOM] * 6]),
    span=st.tuples(places, places),
    only=st.dictionaries(st.sampled_from(("person", "group", "key", "model")), st.integers(0, 2), max_size=2),
)
def test_every_sum_equals_the_calls_it_is_made_of(
    made: list[dict], by: list[str], preset: str, span: tuple, only: dict[str, int], ada: User, bob: User
) -> None:
    with transaction.atomic():
        today = usage.today()
        # Both sides of the edges of a month, and far enough back for whole months.
        ago = sorted([0, today.day - 1, today.day, today.day + 1, 40, 100, 150, 190])
        people, keys = [None, ada, bob], [None, factories.gateway_key("One"), factories.gateway_key("Two")]
        for call in made:
            own = {"person": people[call["person"]], "key": keys[call["key"]]}
            ended(**{**call, **own, "days_ago": ago[call["days_ago"]]})
        first, last, _ = usage_asking.days_of(
            preset, today - timedelta(days=ago[max(span)]), today - timedelta(days=ago[min(span)]), today
        )
        values = {
            "person": [0, ada.pk, bob.pk],
            "key": [0, keys[1].pk, keys[2].pk],
            "group": ["", "Blue", "Red"],
            "model": ["", "gpt-4o", "o3"],
        }
        chosen = {name: values[name][number] for name, number in only.items()}
        calls = [
            call
            for call in Call.objects.all()
            if first <= of(call, "day") <= last
            and all(of(call, name) == value for name, value in chosen.items())
        ]

        report = usage_reports.report(by=by, first=first, last=last, only=Only(**chosen))
        rows = usage_reports.every_row(by=by, first=first, last=last, only=Only(**chosen), order="-cost")
        spent = usage.spent(keys[1], now=timezone.now())

        assert sums_of(rows) == summed(calls, by)
        assert sums_of(report.rows) == summed(calls, by)
        assert {(total.currency,): vars(total.sums) for total in report.totals} == summed(calls, ())
        of_key = [
            call for call in Call.objects.filter(key=keys[1], currency="credits") if call.cost is not None
        ]
        this_month = [call for call in of_key if of(call, "month") == today.replace(day=1)]
        assert spent.day == sum(call.cost for call in this_month if of(call, "day") == today)
        assert spent.month == sum(call.cost for call in this_month)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_calls_that_end_at_once_are_all_counted() -> None:
    ada, key = factories.person("ada"), factories.gateway_key()
    calls = [
        Call.objects.create(purpose="answer", person=ada, key=key, cost=3, currency="USD") for _ in range(40)
    ]
    barrier = threading.Barrier(8, timeout=20)
    failures: list[BaseException] = []

    def count(mine: list[Call]) -> None:
        try:
            barrier.wait()
            for call in mine:
                with transaction.atomic():
                    usage.count(call)
        except BaseException as failure:  # noqa: BLE001 (told by the test's own thread)
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=count, args=(calls[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert not failures
    assert UsageDay.objects.get().calls == 40
    assert dict(UsageCut.objects.values_list("cut", "cost")) == dict.fromkeys(Cut.values, 120)


def test_a_call_is_counted_in_the_transaction_of_its_end(db: None) -> None:
    with transaction.atomic():
        ended()
        transaction.set_rollback(True)

    assert not UsageDay.objects.exists()
    assert not UsageCut.objects.exists()


@pytest.mark.parametrize(
    ("fields", "failed", "unpriced", "estimated"),
    [
        ({"cost": 7}, 0, 0, 0),
        ({"cost": None}, 0, 1, 0),
        ({"cost": 0}, 0, 0, 0),
        ({"cost": None, "error_kind": "timeout"}, 1, 1, 0),
        ({"cost": 0, "error_kind": "key_rejected"}, 1, 0, 0),
        ({"cost": 7, "error_kind": "interrupted", "usage_source": "estimate"}, 1, 0, 1),
    ],
)
def test_what_failed_has_no_price_or_was_estimated_is_counted_as_such(
    fields: dict, failed: int, unpriced: int, estimated: int, db: None
) -> None:
    ended(**fields)

    day = UsageDay.objects.get()
    assert (day.failed, day.unpriced, day.estimated) == (failed, unpriced, estimated)


def test_a_day_is_the_sites(db: None, settings: pytest.FixtureRequest) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"

    ended(at=datetime(2026, 3, 31, 15, 30, tzinfo=UTC))

    assert UsageDay.objects.get().day == date(2026, 4, 1)
    assert UsageCut.objects.get(cut=Cut.MONTHS_KEYS).day == date(2026, 4, 1)


def test_what_a_key_spent_is_of_the_currency_at_its_base_url(db: None) -> None:
    key = factories.gateway_key()
    now = timezone.now()
    ended(key=key, cost=3, currency="credits")
    ended(key=key, cost=4, currency="USD")

    assert usage.spent(key, now=now) == usage.Spent(day=3, month=3)

    Tariff.objects.create(base_url=key.base_url, currency="USD")
    assert usage.spent(key, now=now) == usage.Spent(day=4, month=4)


def test_yesterday_and_last_month_are_not_spent_today(db: None) -> None:
    key = factories.gateway_key()
    now = datetime(2026, 5, 2, 12, tzinfo=UTC)
    for day, cost in ((datetime(2026, 5, 2, 1, tzinfo=UTC), 1), (now - timedelta(days=1), 10)):
        ended(key=key, at=day, cost=cost)
    ended(key=key, at=now - timedelta(days=2), cost=100)

    assert usage.spent(key, now=now) == usage.Spent(day=1, month=11)


def test_what_a_key_spent_costs_one_query(db: None, django_assert_num_queries: Any) -> None:
    key = factories.gateway_key()
    ended(key=key)

    with django_assert_num_queries(1):
        usage.spent(key, now=timezone.now())


def test_a_renamed_person_is_found_under_the_new_name_and_a_removed_key_under_its_last(ada: User) -> None:
    key = factories.gateway_key("Old key")
    ended(person=ada, key=key)
    User.objects.filter(pk=ada.pk).update(username="countess")
    key.delete()
    today = usage.today()

    people = usage_reports.report(by=("person",), first=today, last=today)
    keys = usage_reports.report(by=("key",), first=today, last=today)

    assert people.rows[0].places[0].label == "countess"
    assert keys.rows[0].places[0].label == "Old key"


def test_pages_share_no_row_and_miss_none(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_reports, "PAGE_SIZE", 3)
    for number in range(8):
        ended(model_name=f"model-{number}", cost=NANO)
    today = usage.today()

    pages = [
        usage_reports.report(by=("model",), first=today, last=today, order="-cost", page=page)
        for page in (1, 2, 3, 4)
    ]

    assert [page.has_more for page in pages] == [True, True, False, False]
    assert [row.places[0].value for page in pages for row in page.rows] == [f"model-{n}" for n in range(8)]


def test_more_rows_than_anybody_reads_are_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_reports, "MOST_ROWS", 1)
    ended(model_name="one")
    ended(model_name="two")
    today = usage.today()

    with pytest.raises(Refused, match="Choose fewer days"):
        usage_reports.every_row(by=("model",), first=today, last=today)


def test_a_chart_of_days_has_those_without_a_call(db: None) -> None:
    ended(cost=4)
    ended(cost=9, currency="USD")
    ended(days_ago=2, cost=6)
    today = usage.today()

    found = usage_reports.series("day", first=today - timedelta(days=3), last=today, currency="credits")
    calls = usage_reports.series("model", first=today - timedelta(days=3), last=today)

    assert [amount for _, amount in found] == [0, 6, 0, 4]
    assert [(place.label, amount) for place, amount in calls] == [("gpt-4o", 3)]


@pytest.mark.parametrize("by", [("person",), ("month",), ("key", "month"), ()])
def test_a_long_range_counts_each_day_once_at_the_edges_of_its_months(by: tuple, db: None) -> None:
    today = usage.today()
    for days_ago in range(30, 200):
        ended(days_ago=days_ago, cost=1)

    for first, last in ((190, 40), (199, 61), (150, 31)):
        rows = usage_reports.every_row(
            by=by, first=today - timedelta(days=first), last=today - timedelta(days=last)
        )

        assert sum(row.sums.calls for row in rows) == first - last + 1
