"""Prices in the panel: who may, what is typed, what is shown, and what a table would change."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from conversations.models import AuditEntry, Price, PriceProposal, PriceSource, Tariff
from conversations.services import price_import, price_list
from conversations.services.price_list import NewPrice
from tests import factories
from tests.admin.panel import granted, text_of

PRICES = "/admin/conversations/price/"
TABLES = f"{PRICES}tables/"
NANO = 1_000_000_000


def typed(**fields: str) -> dict[str, str]:
    """The form as somebody fills it in for gpt-4o."""
    return {
        **{"base_url": factories.GATEWAY, "model_name": "gpt-4o", "price_group": "default"},
        **{"input": "2.5", "output": "10", "valid_from": "", "note": ""},
    } | fields


def price(model: str = "gpt-4o", **amounts: int) -> Price:
    amounts = amounts or {"input": 2_500_000_000, "output": 10_000_000_000}
    new = NewPrice(model, amounts, PriceSource.HAND)
    return price_list.add(factories.GATEWAY, price_group="default", new=new, valid_from=None, by=None)


def tell(no_network, *rows: dict[str, object]) -> None:
    body = json.dumps({"success": True, "data": list(rows), "group_ratio": {"default": 1}})
    no_network.upsert("GET", f"{factories.GATEWAY}/api/pricing", body=body, content_type="application/json")
    no_network.upsert("GET", f"{factories.GATEWAY}/api/status", json={"data": {"quota_display_type": "USD"}})


def row(name: str, ratio: float = 1.25) -> dict[str, object]:
    return {"model_name": name, "quota_type": 0, "model_ratio": ratio, "completion_ratio": 4}


# --- Who may ---------------------------------------------------------------------------------------


@pytest.fixture
def addresses(key):
    proposal = PriceProposal.objects.create(
        tariff=price_list.tariff_for(key.base_url),
        price_group="default",
        rows={"rows": [], "seen": "", "currency": "", "unreadable": 0},
    )
    pages = ["", "add/", "tables/", f"{price().pk}/change/", f"proposals/{proposal.pk}/"]
    buttons = ["tables/read/", "tables/currency/", f"proposals/{proposal.pk}/apply/"]
    return [PRICES + address for address in pages], [PRICES + address for address in buttons]


def test_only_who_may_manage_prices_gets_in(ada, ada_client, addresses):
    pages, buttons = addresses
    granted(ada, "manage_models", "manage_keys")
    assert {ada_client.get(page).status_code for page in pages} == {403}
    assert {ada_client.post(button).status_code for button in buttons} == {403}

    granted(ada, "manage_prices")
    assert {ada_client.get(page).status_code for page in pages} == {200}


def test_a_button_is_pressed_and_never_followed(staff_client, addresses):
    assert {staff_client.get(button).status_code for button in addresses[1]} == {405}


def test_a_price_is_neither_changed_nor_deleted(staff_client, key):
    made = price()

    staff_client.post(f"{PRICES}{made.pk}/change/", typed(input="99"))
    assert staff_client.post(f"{PRICES}{made.pk}/delete/", {"post": "yes"}).status_code == 403

    made.refresh_from_db()
    assert made.input == 2_500_000_000


# --- By hand ---------------------------------------------------------------------------------------


def test_a_price_is_typed_in_decimals_and_stored_in_whole_numbers(staff_client, staff, key):
    page = staff_client.post(
        f"{PRICES}add/", typed(input="1,25", cached="0.125", output="10", per_call="0.000000001"), follow=True
    )

    made = Price.objects.get()
    assert (made.input, made.cached, made.output, made.per_call) == (1_250_000_000, 125_000_000, 10 * NANO, 1)
    assert (made.thinking, made.made_by, made.source) == (None, staff, "hand")
    assert "holds from now on" in text_of(page)
    told = AuditEntry.objects.get(action="price.added")
    assert told.changes["input"] == [None, 1_250_000_000]
    assert told.actor_name == "staff"


def test_a_price_to_come_leaves_the_present_one_in_force_until_then(staff_client, key):
    first = price()
    tomorrow = timezone.localtime() + timedelta(days=1)

    staff_client.post(f"{PRICES}add/", typed(input="3", output="12", valid_from=f"{tomorrow:%Y-%m-%dT%H:%M}"))

    first.refresh_from_db()
    second = Price.objects.exclude(pk=first.pk).get()
    assert first.valid_until == second.valid_from > timezone.now()
    page = text_of(staff_client.get(f"{PRICES}?valid=future"))
    assert "3.00" in page
    assert "2.50" not in page
    assert "2.50" in text_of(staff_client.get(PRICES))

    staff_client.post(f"{PRICES}{second.pk}/withdraw/")
    first.refresh_from_db()
    assert first.valid_until is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"input": "1.2345678901"}, "at most nine decimals"),
        ({"input": "-1"}, "Write a number such as 1.25"),
        ({"input": "1e5"}, "Write a number such as 1.25"),
        ({"input": "NaN"}, "Write a number such as 1.25"),
        ({"input": "١"}, "Write a number such as 1.25"),
        ({"input": "9999999"}, "between 0 and 1 000 000"),
        ({"input": ""}, "needs both: input and output"),
        ({"input": "", "output": ""}, "at least one price"),
        ({"valid_from": "2020-01-01T00:00"}, "begins now or later"),
        ({"valid_from": "9999-12-31T00:00"}, "more than five years"),
        ({"model_name": "gpt 4o"}, "no spaces"),
        ({"base_url": "http://elsewhere.test"}, "Select a valid choice"),
    ],
)
def test_what_does_not_fit_is_refused_in_words_and_kept(staff_client, key, fields, words):
    page = staff_client.post(f"{PRICES}add/", typed(**fields))

    assert words in text_of(page).replace("&#x27;", "'")
    assert "10" in text_of(page)
    assert not Price.objects.exists()


def test_ending_a_price_is_on_record_and_leaves_its_history(staff_client, key):
    made = price()

    page = staff_client.post(f"{PRICES}{made.pk}/end/", follow=True)

    assert "has ended" in text_of(page)
    assert AuditEntry.objects.filter(action="price.ended").count() == 1
    again = staff_client.post(f"{PRICES}{made.pk}/end/", follow=True)
    assert "not in force" in text_of(again)


@pytest.mark.parametrize(
    "query", ["?valid=x", "?at=x", "?at=99999999999999999999", "?group=x", "?q=%00", "?o=99"]
)
def test_filters_that_make_no_sense_break_nothing(staff_client, key, query):
    price()

    assert staff_client.get(PRICES + query).status_code < 500


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_asks_no_more_for_twenty_prices(staff_client, key, count, django_assert_max_num_queries):
    for number in range(count):
        price(f"model-{number}")
    staff_client.get(PRICES)

    with django_assert_max_num_queries(14):
        assert f"model-{count - 1}" in text_of(staff_client.get(PRICES))


# --- Tables of the gateways ------------------------------------------------------------------------


def test_a_table_is_read_looked_at_and_applied(staff_client, key, no_network):
    tell(no_network, row("gpt-4o"), row("o1-pro", 37.5), {"model_name": "bad"})

    page = staff_client.post(f"{TABLES}read/", {"key": key.pk}, follow=True)

    text = " ".join(text_of(page).split())
    assert "Apply 1 change" in text
    assert "1 entry made no sense" in text
    assert "Unpriced (1)" in text
    assert "counts in USD" in text
    assert not Price.objects.exists()
    proposal = PriceProposal.objects.get()
    done = staff_client.post(f"{PRICES}proposals/{proposal.pk}/apply/", follow=True)
    assert "The price of 1 model changed from now on." in text_of(done)
    assert Price.objects.get().input == 2_500_000_000
    assert Tariff.objects.get().currency == "USD"
    again = staff_client.post(f"{PRICES}proposals/{proposal.pk}/apply/", follow=True)
    assert "decided already" in text_of(again)


def test_a_change_is_shown_as_old_new_and_per_cent(staff_client, key, no_network):
    tell(no_network, row("gpt-4o"))
    price_import.apply(price_import.read(key), by=None)
    tell(no_network, row("gpt-4o", 1.5))

    page = " ".join(text_of(staff_client.post(f"{TABLES}read/", {"key": key.pk}, follow=True)).split())

    assert "<del>2.50</del> <ins>3.00</ins> <small>+20 %</small>" in page


def test_hundreds_of_rows_come_in_pages_and_are_searched(
    staff_client, key, no_network, django_assert_max_num_queries
):
    tell(no_network, *(row(f"model-{number:03}") for number in range(250)))
    proposal = price_import.read(key)
    address = f"{PRICES}proposals/{proposal.pk}/"

    with django_assert_max_num_queries(12):
        first = text_of(staff_client.get(address))
    assert "model-099" in first
    assert "model-100" not in first
    assert "model-249" in text_of(staff_client.get(f"{address}?page=3"))
    found = text_of(staff_client.get(f"{address}?q=-123"))
    assert "model-123" in found
    assert "model-122" not in found
    for query in ("?page=x", "?page=0", "?page=999999999999", "?kind=%00", "?q=" + "x" * 500):
        assert staff_client.get(address + query).status_code == 200


def test_a_stale_proposal_is_refused_with_a_sentence(staff_client, key, no_network):
    tell(no_network, row("gpt-4o"), row("o3"))
    proposal = price_import.read(key)
    price("o3")

    page = staff_client.post(f"{PRICES}proposals/{proposal.pk}/apply/", follow=True)

    assert "Prices have changed since this table was read." in text_of(page)
    assert Price.objects.count() == 1


def test_dismissing_leaves_the_prices_and_is_on_record(staff_client, key, no_network):
    tell(no_network, row("gpt-4o"))
    proposal = price_import.read(key)

    staff_client.post(f"{PRICES}proposals/{proposal.pk}/dismiss/")

    assert not Price.objects.exists()
    assert AuditEntry.objects.filter(action="price.dismissed").count() == 1


def test_a_gateway_without_a_table_is_said_in_a_sentence(staff_client, key, no_network):
    no_network.get(f"{factories.GATEWAY}/api/pricing", body="<!doctype html>", content_type="text/html")

    page = staff_client.post(f"{TABLES}read/", {"key": key.pk}, follow=True)

    assert "tells no price table" in text_of(page)


def test_words_of_a_table_are_text_on_the_page(staff_client, key, no_network):
    tell(no_network, row("<script>alert(1)</script>"))

    page = text_of(staff_client.post(f"{TABLES}read/", {"key": key.pk}, follow=True))

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("sent", [{}, {"key": "x"}, {"key": "9" * 30}, {"key": "4711"}])
def test_a_key_that_is_none_is_not_found(staff_client, key, sent):
    assert staff_client.post(f"{TABLES}read/", sent).status_code == 404


def test_the_currency_is_set_by_base_url(staff_client, key):
    page = staff_client.post(f"{TABLES}currency/", {"base_url": key.base_url, "currency": "CNY"}, follow=True)
    assert "counted in this currency" in text_of(page)
    assert Tariff.objects.get().currency == "CNY"
    assert AuditEntry.objects.get(action="price.changed").changes == {"currency": ["credits", "CNY"]}

    for wrong in (
        {"base_url": key.base_url, "currency": "<b>"},
        {"base_url": "http://x.test", "currency": "USD"},
    ):
        staff_client.post(f"{TABLES}currency/", wrong)
    assert Tariff.objects.get().currency == "CNY"


# --- What needs attention --------------------------------------------------------------------------


def test_models_without_a_price_and_tables_that_wait_need_attention(staff_client, key, no_network):
    factories.model("gpt-4o", key=key)
    factories.model("o3", key=key)
    assert "2 models have no price" in text_of(staff_client.get("/admin/"))

    price("o3")
    assert "1 model has no price" in text_of(staff_client.get("/admin/"))
    tell(no_network, row("gpt-4o"))
    proposal = price_import.read(key)
    assert f"{PRICES}proposals/{proposal.pk}/" in text_of(staff_client.get("/admin/"))

    price_import.apply(proposal, by=None)
    page = text_of(staff_client.get("/admin/"))
    assert "no price" not in page
    assert "says other prices" not in page
