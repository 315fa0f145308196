"""The price table of the practice gateway."""

from __future__ import annotations

from conversations.chainhub import strict_json
from conversations.chainhub.client import ChainHub
from conversations.chainhub.prices import table_in
from conversations.practice import Gateway
from tests.practice.asking import get


def test_the_table_is_public_and_in_the_documented_shape(gateway: Gateway) -> None:
    answer = get(gateway, "/api/pricing", key=None)

    assert answer.status == 200
    assert set(answer.json) == {
        *("success", "data", "vendors", "group_ratio", "usable_group", "supported_endpoint", "auto_groups")
    }
    for row in answer.json["data"]:
        assert set(row) == {
            *("model_name", "description", "icon", "tags", "vendor_id", "quota_type", "model_ratio"),
            *("model_price", "owner_by", "completion_ratio", "enable_groups", "supported_endpoint_types"),
        }


def test_it_holds_each_case_that_a_reader_has_to_know(gateway: Gateway) -> None:
    table = table_in(strict_json.load_object(get(gateway, "/api/pricing").body, exact=True))
    assert table is not None
    default, unreadable = table.prices_in("default")
    vip, _ = table.prices_in("vip")
    prices = {price.model_name: price for price in default}
    for_vips = {price.model_name: price for price in vip}

    assert unreadable == 0
    assert prices["practice-chat"].input == 1_000_000_000
    assert for_vips["practice-chat"].output == 3_200_000_000
    assert prices["practice-picture"].per_call == 40_000_000
    assert prices["practice-think-tags"].is_unpriced
    assert set(for_vips) - set(prices) == {"practice-very-long"}


def test_a_client_reads_it(wire: None, gateway: Gateway) -> None:
    client = ChainHub(gateway.url, "any")

    assert client.prices().ratios["vip"] < 1
    assert client.currency() == ""
