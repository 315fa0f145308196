"""What people may choose, the default, and what a test of a key says."""

from __future__ import annotations

import logging

import pytest

from conversations.chainhub import errors
from conversations.models import Call, Model, Purpose
from conversations.services import catalog, gateway, keys
from conversations.services.errors import Refused
from tests import factories

MODELS = f"{factories.GATEWAY}/v1/models"
SUBSCRIPTION = f"{factories.GATEWAY}/v1/dashboard/billing/subscription"
USAGE = f"{factories.GATEWAY}/v1/dashboard/billing/usage"


@pytest.fixture
def key(db):
    return factories.gateway_key("Team")


def listing(*names: str, types: object = "none told") -> dict[str, object]:
    entries = [{"id": name, "object": "model", "created": 1626777600, "owned_by": "custom"} for name in names]
    if types != "none told":
        entries = [{**entry, "supported_endpoint_types": types} for entry in entries]
    return {"success": True, "object": "list", "data": entries}


def tell(no_network, *names: str, **more: object) -> None:
    no_network.upsert("GET", MODELS, json=listing(*names, **more))


def enabled() -> set[str]:
    return set(Model.objects.filter(is_enabled=True).values_list("name", flat=True))


# --- What is offered -------------------------------------------------------------------------------


def test_the_default_falls_back_to_a_well_known_model(key):
    factories.model("zzz", key=key)
    factories.model("gpt-4o-mini", key=key)
    chosen = factories.model("chosen", key=key)

    assert catalog.default_model().name == "gpt-4o-mini"

    catalog.make_default(chosen)
    assert catalog.default_model() == chosen

    Model.objects.filter(pk=chosen.pk).update(is_enabled=False)
    assert catalog.default_model().name == "gpt-4o-mini"


def test_there_is_no_default_without_models(db):
    assert catalog.default_model() is None


def test_only_one_model_is_the_default(key):
    first, second = factories.model("first", key=key), factories.model("second", key=key)

    catalog.make_default(first)
    catalog.make_default(second)

    assert list(Model.objects.filter(is_default=True)) == [second]


def test_a_default_that_nobody_could_choose_is_refused(key):
    disabled = factories.model("off", key=key, is_enabled=False)
    unserved = Model.objects.create(name="unserved", is_enabled=True)

    with pytest.raises(Refused, match="Enable"):
        catalog.make_default(disabled)
    with pytest.raises(Refused, match="No enabled key"):
        catalog.make_default(unserved)


def test_the_keys_of_a_synced_model_are_the_gateway_s_to_say(key, no_network):
    tell(no_network, "gpt-4o")
    catalog.sync_key(key)

    with pytest.raises(Refused):
        catalog.set_keys(Model.objects.get(), [])

    by_hand = factories.model("my-own", key=key)
    catalog.set_keys(by_hand, [])
    assert not by_hand.keys.exists()


def test_practice_models_vanish_with_the_first_key_and_leave_its_default_alone(db, no_network):
    practice = keys.ensure_practice_key()
    gateway.set_practice_address("http://127.0.0.1:4321")
    no_network.get("http://127.0.0.1:4321/v1/models", json=listing("practice-echo", "practice-slow"))
    catalog.sync_key(practice)
    assert catalog.is_practice()
    assert catalog.default_model().name == "practice-echo"

    key = factories.gateway_key("Team")
    tell(no_network, "gpt-4o")
    catalog.sync_key(key)

    assert not catalog.is_practice()
    assert [model.name for model in catalog.offered_models()] == ["gpt-4o"]
    assert [model.name for model in Model.objects.for_admin()] == ["gpt-4o"]
    assert Model.objects.get(is_default=True).name == "gpt-4o"

    keys.disable(key)
    catalog.sync_key(practice)
    gateway.set_practice_address(None)

    assert catalog.is_practice()
    assert catalog.default_model().name == "practice-echo"
    # The admins' choice waits for its key.
    assert Model.objects.get(is_default=True).name == "gpt-4o"


# --- Test of a key ---------------------------------------------------------------------------------


def test_a_test_tells_models_balance_and_time(key, ada, no_network):
    tell(no_network, "gpt-4o", "dall-e-3")
    no_network.get(SUBSCRIPTION, json={"hard_limit_usd": 12.5})
    no_network.get(USAGE, json={"total_usage": 431.2})

    report = catalog.test_key(key, person=ada)

    assert report.is_ok
    assert "2 models, 1 of them for chat" in report.sentence
    assert "8.19 left of 12.50" in report.sentence
    assert " s." in report.sentence
    call = Call.objects.get()
    assert (call.purpose, call.person_name) == (Purpose.TEST, "ada")


def test_a_test_makes_no_models(key, no_network):
    tell(no_network, "gpt-4o")
    no_network.get(SUBSCRIPTION, status=404)

    report = catalog.test_key(key)

    assert report.is_ok
    assert "Balance" not in report.sentence
    assert not Model.objects.exists()


def test_an_unlimited_key_is_said_to_be_one(key, no_network):
    tell(no_network, "gpt-4o")
    no_network.get(SUBSCRIPTION, json={"hard_limit_usd": 100_000_000})
    no_network.get(USAGE, json={"total_usage": 200})

    assert "no limit, 2.00 used" in catalog.test_key(key).sentence


def test_a_refused_key_is_said_without_showing_it(key, no_network, caplog):
    caplog.set_level(logging.DEBUG)
    body = {
        "error": {"message": f"invalid token {factories.SECRET} (request id: 7)", "type": "new_api_error"}
    }
    no_network.get(MODELS, status=401, json=body, headers={"X-Oneapi-Request-Id": f"id-{factories.SECRET}"})

    report = catalog.test_key(key)

    assert not report.is_ok
    assert not report.may_work
    assert "refuses this key" in report.sentence
    key.refresh_from_db()
    everything = f"{report} {Call.objects.values_list().get()} {key.problem_text} {caplog.text}"
    assert factories.SECRET not in everything
    assert key.problem_kind == errors.KeyRejected.kind


def test_a_gateway_without_a_list_may_work_all_the_same(key, no_network):
    no_network.get(MODELS, status=404, json={"error": {"message": "Invalid URL (GET /v1/models)"}})

    report = catalog.test_key(key)

    assert not report.is_ok
    assert report.may_work
    assert "by hand" in report.sentence


def test_a_web_page_is_recognised_and_not_repeated(key, no_network):
    no_network.get(
        MODELS, body="<html>internal wiki: the password is swordfish</html>", content_type="text/html"
    )

    report = catalog.test_key(key)

    assert not report.is_ok
    assert "swordfish" not in report.sentence
    assert "base URL" in report.sentence


def test_a_redirect_is_not_followed(key, no_network):
    no_network.get(MODELS, status=307, headers={"Location": "http://evil.test/"})

    assert "redirects" in catalog.test_key(key).sentence
    assert len(no_network.calls) == 1


def test_a_success_clears_what_the_key_was_refused_for(key, no_network):
    gateway.note_problem(key, errors.KeyRejected(status=401))
    tell(no_network, "gpt-4o")
    no_network.get(SUBSCRIPTION, status=404)

    catalog.test_key(key)

    key.refresh_from_db()
    assert key.problem_kind == ""
