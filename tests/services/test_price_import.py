"""The gateway's price table: read strictly, shown as a difference, applied once, and never backwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from conversations.chainhub.events import Usage
from conversations.models import (
    AuditEntry,
    Call,
    Price,
    PriceProposal,
    PriceSource,
    ProposalState,
    Purpose,
    Tariff,
)
from conversations.services import calls, price_import, price_list, pricing
from conversations.services.errors import Refused
from conversations.services.price_import import Kind
from conversations.services.price_list import NewPrice
from tests import factories

PRICING = f"{factories.GATEWAY}/api/pricing"
STATUS = f"{factories.GATEWAY}/api/status"
NANO = pricing.NANO


def row(name: str, ratio: Any = 1.25, completion: Any = 4, **fields: Any) -> dict[str, Any]:
    """One entry in the documented shape (models-and-account.md, section 3)."""
    return {
        **{"model_name": name, "description": "…", "icon": "OpenAI", "tags": "Chat,Vision", "vendor_id": 1},
        **{"quota_type": 0, "model_ratio": ratio, "model_price": 0, "owner_by": ""},
        **{"completion_ratio": completion, "enable_groups": ["default", "vip"]},
        "supported_endpoint_types": ["openai"],
    } | fields


def a_call(name: str, price: Any) -> dict[str, Any]:
    return row(name, 0, 0, quota_type=1, model_price=price)


def table(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        **{"success": True, "data": list(rows)},
        **{"vendors": [{"id": 1, "name": "OpenAI", "icon": "OpenAI"}]},
        **{"group_ratio": {"default": 1, "vip": 0.8}, "usable_group": {"default": "…"}},
        **{"supported_endpoint": {"openai": {"path": "/v1/chat/completions", "method": "POST"}}},
        "auto_groups": ["default"],
    } | fields


def tell(
    body: object, *, status: str = "USD", content_type: str = "application/json", code: int = 200
) -> None:
    """Let the gateway answer with this table from now on."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    responses.upsert("GET", PRICING, body=text, content_type=content_type, status=code)
    responses.upsert("GET", STATUS, json={"success": True, "data": {"quota_display_type": status}})


@pytest.fixture(autouse=True)
def gateway(no_network):
    """`tell` speaks to the mock that every test has."""
    global responses
    plain, responses = responses, no_network
    yield
    responses = plain


@pytest.fixture
def key(db):
    return factories.gateway_key("Team")


def read(key, *rows: dict[str, Any], **fields: Any) -> PriceProposal:
    tell(table(*rows, **fields))
    proposal = price_import.read(key)
    assert proposal is not None
    return proposal


def imported(key, *rows: dict[str, Any], **fields: Any) -> None:
    price_import.apply(read(key, *rows, **fields), by=None)


def in_force() -> dict[str, tuple[int | None, int | None, int | None]]:
    found = Price.objects.filter(valid_until=None)
    return {price.model_name: (price.input, price.output, price.per_call) for price in found}


def kinds(proposal: PriceProposal) -> dict[str, Kind]:
    return {row.model_name: row.kind for row in price_import.differences(proposal)}


# --- Worked by hand --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "group", "price"),
    [
        # 1.25 × 2 = 2.50 in; × 4 = 10 out.
        (row("m", 1.25, 4), "default", (2_500_000_000, 10_000_000_000, None)),
        # The same × 0.8: 2 in, 8 out.
        (row("m", 1.25, 4), "vip", (2_000_000_000, 8_000_000_000, None)),
        # 0.15 × 2 = 0.30 in; × 8.34 = 2.502 out.
        (row("m", 0.15, 8.34), "default", (300_000_000, 2_502_000_000, None)),
        # 0.04 a call; × 0.8 = 0.032.
        (a_call("m", 0.04), "default", (None, None, 40_000_000)),
        (a_call("m", 0.04), "vip", (None, None, 32_000_000)),
        # Free is told, and not the same as unpriced.
        (row("m", 0, 1), "default", (0, 0, None)),
        # 0.00000000025 × 2 = half a nano-unit: half up. Times 3 it is 1.5, which is 2 and not 3.
        (row("m", 0.00000000025, 3), "default", (1, 2, None)),
    ],
)
def test_a_price_is_right_to_the_last_nano_unit(db, entry, group, price):
    imported(factories.gateway_key("Team", price_group=group), entry)

    assert in_force() == {"m": price}


def test_a_fraction_is_read_digit_for_digit_and_never_through_a_float(key):
    # Just under half a nano-unit. The nearest float is 2.5e-10, which would be half of one, and so 1.
    text = json.dumps(table(row("m", "X", 1))).replace('"X"', "0.00000000024999999999999999999")
    tell(text)
    price_import.apply(price_import.read(key), by=None)

    assert in_force()["m"][0] == 0


def test_a_call_after_the_import_costs_what_was_worked_out_by_hand(key):
    imported(key, row("gpt-4o", 1.25, 4), a_call("draw", 0.04))
    cases = {
        # 1 000 × 2.50 + 200 × 10 by 10⁶ = 0.0045. The table has no price for cached input (as input) or
        # thinking (as output).
        "gpt-4o": (Usage(1000, 400, None, 200, 150), 4_500_000),
        "draw": (Usage(10, None, None, 10, None), 40_000_000),
    }
    for name, (usage, cost) in cases.items():
        call = calls.begin(purpose=Purpose.ANSWER, key=key, model=factories.model(name, key=key))
        calls.end(call, usage=usage)
        stored = Call.objects.get(pk=call.pk)
        assert (stored.cost, stored.currency) == (cost, "USD")
        assert stored.price_snapshot["source"] == "import"


# --- The difference --------------------------------------------------------------------------------


def test_the_difference_says_what_becomes_of_each_model(key):
    imported(key, row("same"), row("dearer"), row("gone"), row("unset"))
    hand = NewPrice("by-hand", {"input": NANO, "output": NANO}, PriceSource.HAND)
    price_list.add(factories.GATEWAY, price_group="default", new=hand, valid_from=None, by=None)

    proposal = read(
        key,
        row("same"),
        row("dearer", 2.5),
        row("unset", 37.5, 8),
        row("by-hand"),
        row("new"),
        row("bare", 37.5),
    )

    assert kinds(proposal) == {
        **{"same": Kind.SAME, "dearer": Kind.CHANGED, "gone": Kind.GONE, "unset": Kind.GONE},
        **{"by-hand": Kind.KEPT, "new": Kind.NEW, "bare": Kind.UNPRICED},
    }
    assert in_force()["dearer"] == (2_500_000_000, 10_000_000_000, None)
    price_import.apply(proposal, by=None)
    assert set(in_force()) == {"same", "dearer", "by-hand", "new"}
    assert in_force()["dearer"] == (5_000_000_000, 20_000_000_000, None)
    assert in_force()["by-hand"] == (NANO, NANO, None)


def test_what_is_applied_ends_the_old_price_and_changes_nothing_of_it(key):
    imported(key, row("m"))
    before = Price.objects.get()

    imported(key, row("m", 2.5))

    old, new = Price.objects.order_by("id")
    assert (old.pk, old.input, old.valid_from) == (before.pk, before.input, before.valid_from)
    assert old.valid_until == new.valid_from


def test_a_placeholder_is_no_price(key):
    proposal = read(key, row("m", 37.5, 8), row("n"))

    price_import.apply(proposal, by=None)
    assert set(in_force()) == {"n"}


def test_a_model_that_is_not_for_the_group_has_no_price_there(key):
    proposal = read(key, row("m", enable_groups=["vip"]), row("n"))

    assert set(kinds(proposal)) == {"n"}


def test_a_table_that_says_what_is_in_force_proposes_nothing(key):
    imported(key, row("m"))
    tell(table(row("m")))

    assert price_import.read(key) is None
    assert not PriceProposal.objects.filter(state=ProposalState.OPEN).exists()


def test_the_requests_are_on_record_and_cost_nothing_and_carry_no_key(key, no_network):
    read(key, row("m"))

    made = Call.objects.order_by("id")
    assert [(call.purpose, call.status, call.cost) for call in made] == [("sync", 200, 0)] * 2
    assert all("Authorization" not in sent.request.headers for sent in no_network.calls)


@pytest.mark.parametrize("told", ["TOKENS", "CUSTOM", "", None, 7, "<b>"])
def test_a_currency_that_is_none_leaves_credits(key, told):
    tell(table(row("m")), status=told)
    price_import.apply(price_import.read(key), by=None)

    assert Tariff.objects.get().currency == "credits"


def test_a_site_that_tells_no_currency_is_on_record_and_leaves_credits(key):
    tell(table(row("m")))
    responses.upsert("GET", STATUS, status=404)
    price_import.apply(price_import.read(key), by=None)

    assert Tariff.objects.get().currency == "credits"
    assert list(Call.objects.order_by("id").values_list("status", flat=True)) == [200, 404]


def test_a_currency_that_an_admin_has_said_stays(key):
    price_list.set_currency(price_list.tariff_for(factories.GATEWAY), "CNY", by=None)

    imported(key, row("m"))

    assert Tariff.objects.get().currency == "CNY"


# --- Refusals --------------------------------------------------------------------------------------


def test_a_stale_proposal_is_refused_and_changes_nothing(key, staff):
    imported(key, row("m"))
    proposal = read(key, row("m", 2.5))
    price_list.end(Price.objects.get(), by=staff)

    with pytest.raises(Refused, match="have changed since"):
        price_import.apply(proposal, by=staff)

    assert in_force() == {}
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.OPEN


def test_of_two_admins_one_wins(key, staff):
    proposal = read(key, row("m"))
    price_import.apply(proposal, by=staff)

    for verb in (price_import.apply, price_import.dismiss):
        with pytest.raises(Refused, match="decided already"):
            verb(proposal, by=staff)
    assert Price.objects.count() == 1
    assert AuditEntry.objects.filter(action="price.applied", actor_pk=staff.pk).count() == 1


def test_a_newer_table_takes_the_place_of_an_older_one(key, staff):
    older, newer = read(key, row("m")), read(key, row("m", 2.5))

    with pytest.raises(Refused, match="newer table"):
        price_import.apply(older, by=staff)
    assert price_import.open_proposals() == [newer]


def test_the_same_table_again_is_the_same_proposal(key):
    assert read(key, row("m")) == read(key, row("m"))


def test_an_unknown_price_group_is_said_with_those_that_there_are(db):
    key = factories.gateway_key("Team", price_group="gold")
    tell(table(row("m")))

    with pytest.raises(Refused, match="no price group “gold”. It has: default, vip"):
        price_import.read(key)
    assert "gold" in Tariff.objects.get().read_problem


DEEP = '{"a":' * 5000 + "1" + "}" * 5000


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"success":true}',
        '{"success":true,"data":{},"group_ratio":{"default":1}}',
        '{"success":true,"data":[],"group_ratio":[]}',
        '{"success":true,"data":[{"model_name":"m","quota_type":0,"model_ratio":NaN}],"group_ratio":{"default":1}}',
        '{"success":true,"data":[{"model_ratio":1e999}],"group_ratio":{"default":1}}',
        '{"success":true,"data":[{"model_ratio":Infinity}],"group_ratio":{"default":1}}',
        f'{{"success":true,"data":[{DEEP}],"group_ratio":{{"default":1}}}}',
        '{"success":true,"data":[{"model_ratio":' + "9" * 5000 + '}],"group_ratio":{"default":1}}',
        '{"success":true,"data":[' + " " * (8 * 1024 * 1024) + '],"group_ratio":{"default":1}}',
    ],
)
def test_what_is_no_table_is_refused_in_words(key, body):
    tell(body)

    with pytest.raises(Refused, match="tells no price table"):
        price_import.read(key)
    assert not PriceProposal.objects.exists()


@pytest.mark.parametrize(("code", "kind"), [(200, "text/html; charset=utf-8"), (404, "application/json")])
def test_a_page_or_a_404_is_no_table(key, code, kind):
    tell(json.dumps(table(row("m"))), content_type=kind, code=code)

    with pytest.raises(Refused, match="tells no price table"):
        price_import.read(key)


@pytest.mark.parametrize(
    "entry",
    [
        row("m", -1),
        row("m", "1.25"),
        row("m", True),
        row("m", None),
        row("m", 1, -1),
        row("m", 10**30),
        row("m", 499_999, 10**6),
        a_call("m", -0.04),
        a_call("m", 10**7),
        row("m", quota_type=2),
        row("m", quota_type=None),
        row("a b"),
        row("m" * 201),
        row("\x00"),
        row(""),
        row(7),
    ],
)
def test_an_entry_that_makes_no_sense_is_left_out_and_counted(key, entry):
    proposal = read(key, entry, row("good"))

    assert set(kinds(proposal)) == {"good"}
    assert proposal.rows["unreadable"] == 1


def test_ratios_with_absurd_digits_are_left_out(key):
    body = json.dumps(table(row("m", "X"), row("good"))).replace('"X"', "0." + "3" * 100_000)
    tell(body)

    assert set(kinds(price_import.read(key))) == {"good"}


def test_a_gateway_that_is_away_is_said(key):
    responses.upsert("GET", PRICING, status=502)

    with pytest.raises(Refused, match="not available now"):
        price_import.read(key)
    assert Call.objects.get().status == 502


# --- Once a day ------------------------------------------------------------------------------------


def test_a_day_later_it_is_read_again_and_only_proposes(key):
    imported(key, row("m"))
    tell(table(row("m", 2.5)))
    later = Tariff.objects.get().read_at + price_import.READ_EVERY

    price_import.read_what_is_due(now=later - price_import.READ_EVERY / 2)
    assert price_import.open_proposals() == []
    price_import.read_what_is_due(now=later)

    assert [kinds(found) for found in price_import.open_proposals()] == [{"m": Kind.CHANGED}]
    assert in_force()["m"][0] == 2_500_000_000


def test_what_was_never_read_is_not_read_by_itself(key):
    price_list.tariff_for(factories.GATEWAY)

    price_import.read_what_is_due()

    assert not Call.objects.exists()


def test_what_was_dismissed_does_not_come_back_by_itself(key, staff):
    imported(key, row("m"))
    price_import.dismiss(read(key, row("m", 2.5)), by=staff)
    later = Tariff.objects.get().read_at + price_import.READ_EVERY

    price_import.read_what_is_due(now=later)

    assert price_import.open_proposals() == []
    assert read(key, row("m", 2.5)).state == ProposalState.OPEN


# --- Many ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 600])
def test_what_apply_asks_of_the_database_does_not_grow_with_every_model(
    key, count, django_assert_max_num_queries
):
    proposal = read(key, *(row(f"model-{number}") for number in range(count)))

    with django_assert_max_num_queries(40):
        assert price_import.apply(proposal, by=None) == count
    assert len(in_force()) == count
