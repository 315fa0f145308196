"""The usage pages: everybody's in the panel, and each person's own."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from django.http import HttpResponse
from django.test import Client

from conversations.models import Call, User
from conversations.services import roles, usage
from conversations.services.usage_sources import DIMENSIONS
from tests import factories
from tests.services.usage_calls import NANO, ended, summed

OWN, PANEL = "/usage/", "/admin/usage/"


@pytest.fixture
def boss_client(db: None) -> Client:
    """An admin: sees usage by role, not by being a superuser."""
    roles.ensure()
    boss = factories.person("boss")
    roles.give(boss, roles.RoleName.ADMIN, by=None)
    client = Client()
    client.force_login(boss)
    return client


def table_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def sums_of(response: HttpResponse) -> dict[tuple, dict[str, int]]:
    rows = response.context["report"].rows
    return {(*(place.value for place in row.places), row.currency): vars(row.sums) for row in rows}


def nano_of(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole) * NANO + int(rest.ljust(9, "0"))


def make_calls(ada: User, bob: User) -> None:
    key = factories.gateway_key("Team key")
    for number, person in enumerate((ada, ada, bob, None)):
        ended(person=person, key=key, cost=number * NANO + 1, group_name="Blue", model_name=f"m{number}")
        ended(person=person, key=key, cost=7 * NANO, currency="USD", days_ago=number)
    ended(person=ada, cost=None, currency="credits")
    ended(person=ada, cost=2, usage_source="estimate", input_tokens=1200)
    ended(person=bob, cost=None, error_kind="timeout")


@pytest.mark.parametrize("by", DIMENSIONS)
@pytest.mark.parametrize("then", ["", "model", "day"])
def test_the_page_its_file_and_its_calls_agree(
    by: str, then: str, ada: User, bob: User, boss_client: Client
) -> None:
    make_calls(ada, bob)

    page = boss_client.get(PANEL, {"by": by, "then": then})
    file = table_of(boss_client.get(f"{PANEL}table.csv", {"by": by, "then": then}))

    dimensions = page.context["asked"].dimensions
    expected = summed(Call.objects.all(), dimensions)
    assert sums_of(page) == expected
    assert sorted((row["Currency"], nano_of(row["Cost"]), int(row["Unpriced"])) for row in file) == sorted(
        (place[-1], sums["cost"], sums["unpriced"]) for place, sums in expected.items()
    )
    totals = {total.currency: total.sums.cost for total in page.context["report"].totals}
    assert totals == {
        currency: sum(call.cost or 0 for call in Call.objects.filter(currency=currency))
        for currency in ("credits", "USD")
    }


def test_a_member_sees_their_own_and_nobody_elses(ada: User, bob: User, ada_client: Client) -> None:
    make_calls(ada, bob)
    hers = list(Call.objects.filter(person=ada))

    for query in ("", f"?person={bob.pk}", "?person=0", "?by=person&then=key", "?group=Blue&key=1"):
        page = ada_client.get(f"{OWN}{query}")
        file = table_of(ada_client.get(f"{OWN}table.csv{query}"))

        assert sums_of(page) == summed(hers, ("model",))
        assert {row["Model"] for row in file} == {call.model_name for call in hers}
        assert "bob" not in page.content.decode()
    today = {total.currency: total.sums.calls for total in page.context["today"]}
    assert today == {"credits": 4, "USD": 1}


def test_unpriced_and_estimated_stand_in_the_table_and_in_the_legend(ada: User, ada_client: Client) -> None:
    ended(person=ada, cost=None, model_name="free-for-all")
    ended(person=ada, cost=2 * NANO, usage_source="estimate", model_name="guessed")

    html = ada_client.get(OWN).content.decode()

    assert '<span class="usage-mark">unpriced</span>' in html
    assert re.search(r"≈</span>.*2\.00\s*credits", html)
    assert "<dt>Unpriced</dt>" in html
    assert "<dt>Estimated</dt>" in html


def test_a_cell_of_the_file_is_no_formula(ada: User, boss_client: Client) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"]
    for name in names:
        ended(person=ada, model_name=name, group_name=name, cost=1)

    rows = table_of(boss_client.get(f"{PANEL}table.csv", {"by": "model", "then": "group"}))

    assert {row["Model"] for row in rows} == {f"'{name}" for name in names}
    assert {row["Group"] for row in rows} == {f"'{name}" for name in names}


def test_the_file_has_the_rows_of_every_page(
    ada: User, boss_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        ended(model_name=f"model-{number:02}")

    page = boss_client.get(PANEL, {"by": "model", "order": "model"})
    second = boss_client.get(PANEL, {"by": "model", "order": "model", "page": 2})
    rows = table_of(boss_client.get(f"{PANEL}table.csv", {"by": "model", "order": "model", "page": 2}))

    assert 'rel="next"' in page.content.decode()
    assert len(page.context["report"].rows) == 50
    assert len(second.context["report"].rows) == 10
    assert [row["Model"] for row in rows] == [f"model-{number:02}" for number in range(60)]


@pytest.mark.parametrize("by", ["day", "person", "group", "model", "key"])
def test_twenty_rows_cost_as_many_queries_as_one(
    by: str, boss_client: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    def more(numbers: range) -> None:
        for number in numbers:
            key = factories.gateway_key(f"Key {number}")
            person = factories.person(f"person-{number}")
            ended(person=person, key=key, days_ago=number, group_name=f"g{number}", model_name=f"m{number}")

    more(range(1))
    with django_assert_max_num_queries(12) as one:
        boss_client.get(PANEL, {"by": by})
    more(range(1, 20))

    with django_assert_num_queries(len(one)):
        page = boss_client.get(PANEL, {"by": by})
    assert len(page.context["report"].rows) == 20


def test_a_members_page_costs_the_same_with_twenty_rows(
    ada: User, ada_client: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    ended(person=ada)
    with django_assert_max_num_queries(16) as one:
        ada_client.get(OWN)
    for number in range(19):
        ended(person=ada, model_name=f"m{number}", days_ago=number)

    with django_assert_num_queries(len(one)):
        page = ada_client.get(OWN)
    assert len(page.context["report"].rows) == 20


@pytest.mark.parametrize("address", ["", "table.csv", "chart.svg"])
def test_the_panels_page_is_for_those_who_may_see_usage(
    address: str, ada_client: Client, boss_client: Client
) -> None:
    assert Client().get(f"{PANEL}{address}").status_code == 302
    assert ada_client.get(f"{PANEL}{address}").status_code == 404
    assert boss_client.get(f"{PANEL}{address}").status_code == 200

    roles.Group.objects.get(name="Admin").permissions.remove(
        roles.Permission.objects.get(codename="see_usage")
    )

    assert boss_client.get(f"{PANEL}{address}").status_code == 403
    assert "Usage" not in boss_client.get("/admin/").content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "range=custom&first=2026-13-45&last=x",
        "range=custom&first=0001-01-01&last=9999-12-31",
        "range=custom&first=9999-12-31",
        "range=custom&last=0001-01-01",
        "range=custom&first=2026-05-02&last=2026-05-01",
        "range=%00&by=%00&then=%00&order=%00",
        "range=nothing&by=password&then=owner__password&order=person__password",
        "order=-&page=-1",
        "order=--cost&page=99999999999999999999999",
        "person=1e999&key=-1&group=%00&model=%ff",
        "person=99999999999999999999999999&key=9223372036854775807",
        "person=1&person=2&group=&model=",
        "group='%22--&model=%25_",
        "currency=%00",
        "currency=&theme=x&width=x",
        "range=custom&first=2000-01-01&last=2100-12-31&by=day",
    ],
)
def test_a_hostile_address_never_breaks_a_page(query: str, ada_client: Client, boss_client: Client) -> None:
    ended()

    for client, address in ((ada_client, OWN), (boss_client, PANEL)):
        for piece in ("", "table.csv", "chart.svg"):
            assert client.get(f"{address}{piece}?{query}").status_code == 200


def test_what_of_an_address_was_not_followed_is_said(ada_client: Client) -> None:
    html = ada_client.get(OWN, {"range": "custom", "first": "soon"}).content.decode()

    assert "“From” can’t be read." in html


def test_a_row_leads_to_what_lies_behind_it(ada: User, bob: User, boss_client: Client) -> None:
    make_calls(ada, bob)

    html = boss_client.get(PANEL, {"by": "person"}).content.decode()
    link = re.search(r'<a href="\?([^"]+)">ada</a>', html)
    assert link
    behind = boss_client.get(f"{PANEL}?{link[1].replace('&amp;', '&')}")

    assert behind.context["asked"].only.person == ada.pk
    assert sums_of(behind) == summed(Call.objects.filter(person=ada), ("model",))
    assert "Person: <b>ada</b>" in behind.content.decode()


def test_a_hostile_name_stays_text(ada: User, boss_client: Client) -> None:
    ended(person=ada, model_name="<script>alert(1)</script>", currency="<b>&", cost=NANO)

    html = boss_client.get(PANEL, {"by": "model"}).content.decode()
    svg = boss_client.get(f"{PANEL}chart.svg", {"by": "model", "currency": "<b>&"}).content

    assert "<script>alert" not in html
    assert ElementTree.fromstring(svg) is not None  # noqa: S314 (our own)
    assert b"<script" not in svg


@pytest.mark.parametrize("address", [OWN, PANEL])
@pytest.mark.parametrize("query", ["", "?by=model&theme=dark&width=narrow", "?range=12months&theme=light"])
def test_a_chart_is_a_picture_without_scripts_or_anything_from_elsewhere(
    address: str, query: str, ada: User, ada_client: Client, boss_client: Client
) -> None:
    ended(person=ada)
    client = ada_client if address == OWN else boss_client

    answer = client.get(f"{address}chart.svg{query}")

    assert answer["Content-Type"] == "image/svg+xml"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    for word in (b"<script", b"style=", b"http://pygal", b"kozea", b"@import", b"url("):
        assert word not in answer.content
    assert set(re.findall(rb"https?://[^\"]+", answer.content)) == {b"http://www.w3.org/2000/svg"}
    assert "no-store" in answer["Cache-Control"]


def test_a_chart_says_its_range_and_its_total(ada: User, ada_client: Client) -> None:
    ended(person=ada, cost=3 * NANO)
    today = usage.today()

    html = ada_client.get(OWN, {"range": "today"}).content.decode()

    assert f'alt="Bar chart of cost by day, from {today} to {today}. Total: 3 credits."' in html


def test_an_empty_page_says_so(ada_client: Client) -> None:
    html = ada_client.get(OWN).content.decode()

    assert "No calls in these days." in html
    assert "<img" not in html


def test_a_page_beyond_the_last_leads_back(ada: User, ada_client: Client) -> None:
    ended(person=ada)

    html = ada_client.get(OWN, {"page": 7}).content.decode()

    assert "There is no page 7." in html
    assert "To the first page" in html
