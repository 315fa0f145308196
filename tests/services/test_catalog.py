"""Reading the models of a key, and keeping what admins set."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
import requests
from django.core.management import call_command
from django.utils import timezone

from conversations.models import Call, GatewayKey, KeyModel, Model, Purpose
from conversations.services import catalog, model_lists, model_proposals
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


def apply_all(key: GatewayKey) -> None:
    proposal = model_proposals.open_of(key)
    seen = model_lists.mark_of(model_proposals.differences(proposal))
    model_proposals.apply(proposal, by=None, seen=seen)


def enabled() -> set[str]:
    return set(Model.objects.filter(is_enabled=True).values_list("name", flat=True))


def test_a_first_sync_makes_the_models_and_names_a_default(key, no_network):
    tell(no_network, "gpt-4o", "gpt-4o-mini", "dall-e-3", "gpt-4-gizmo-*", "deepseek-r1")

    result = catalog.sync_key(key)

    assert (result.new, result.gone, result.total, result.chat_capable) == (5, 0, 5, 3)
    assert enabled() == {"gpt-4o", "gpt-4o-mini", "deepseek-r1"}
    assert Model.objects.get(is_default=True).name == "gpt-4o-mini"
    assert Model.objects.get(name="gpt-4o").has_vision
    assert Model.objects.get(name="deepseek-r1").has_thinking
    key.refresh_from_db()
    assert key.synced_at is not None
    assert "5 models" in key.sync_result


def test_the_gateway_s_word_on_endpoints_comes_before_the_name_s(key, no_network):
    tell(no_network, "gpt-4o", types=["image-generation"])

    catalog.sync_key(key)

    assert enabled() == set()
    assert Model.objects.get().endpoint_types == ["image-generation"]


def test_a_sync_leaves_its_call(key, ada, no_network):
    no_network.get(MODELS, json=listing("gpt-4o"))

    catalog.sync_key(key, person=ada)

    call = Call.objects.get()
    assert (call.purpose, call.key_name, call.person_name, call.status) == (Purpose.SYNC, "Team", "ada", 200)
    assert call.ended_at is not None
    assert call.error_kind == ""


def test_what_an_admin_set_is_never_changed(key, no_network):
    tell(no_network, "gpt-4o", "gpt-4o-mini")
    catalog.sync_key(key)
    Model.objects.filter(name="gpt-4o-mini").update(
        is_enabled=False, display_name="Small", order=3, has_vision=False, default_parameters={"top_p": 0.5}
    )
    catalog.make_default(Model.objects.get(name="gpt-4o"))
    tell(no_network, "gpt-4o", "gpt-4o-mini", "gpt-5-mini", types=["openai"])

    result = catalog.sync_key(key)
    apply_all(key)

    mini = Model.objects.get(name="gpt-4o-mini")
    assert (mini.is_enabled, mini.display_name, mini.order, mini.has_vision) == (False, "Small", 3, False)
    assert mini.default_parameters == {"top_p": 0.5}
    assert mini.endpoint_types == ["openai"]
    assert Model.objects.get(is_default=True).name == "gpt-4o"
    assert (result.new, result.changed, result.gone) == (1, 2, 0)


def test_a_model_that_is_gone_is_offered_no_more_and_keeps_its_row(key, no_network):
    tell(no_network, "gpt-4o", "gpt-4o-mini")
    catalog.sync_key(key)
    tell(no_network, "gpt-4o")

    result = catalog.sync_key(key)

    assert result.gone == 1
    apply_all(key)
    assert [model.name for model in catalog.offered_models()] == ["gpt-4o"]
    assert Model.objects.count() == 2
    # The default was gone: another one took its place.
    assert catalog.default_model().is_default


def test_a_model_added_by_hand_stays_whatever_the_list_says(key, no_network):
    by_hand = factories.model("my-own", key=key)
    tell(no_network, "gpt-4o")

    catalog.sync_key(key)

    assert KeyModel.objects.filter(key=key, model=by_hand).exists()


def test_two_keys_share_a_model(key, no_network):
    other = factories.gateway_key("Other", base_url="http://other.test")
    tell(no_network, "gpt-4o")
    no_network.get("http://other.test/v1/models", json=listing("gpt-4o", "o3"))

    results = catalog.sync_all()

    assert [(result.key_name, result.new) for result in results] == [("Team", 1), ("Other", 2)]
    assert Model.objects.count() == 2
    assert Model.objects.get(name="gpt-4o").keys.count() == 2
    assert list(other.models.order_by("name").values_list("name", flat=True)) == ["gpt-4o", "o3"]


def test_an_empty_list_changes_nothing(key, no_network):
    tell(no_network, "gpt-4o")
    catalog.sync_key(key)
    tell(no_network)

    result = catalog.sync_key(key)

    assert "empty" in result.problem
    assert catalog.offered_models()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"status": 404, "json": {"error": {"message": "Invalid URL (GET /v1/models)"}}}, "by hand"),
        ({"status": 200, "body": "<html>console</html>", "content_type": "text/html"}, "by hand"),
        ({"status": 401, "json": {"error": {"message": "no", "type": "new_api_error"}}}, "refuses this key"),
        ({"status": 502, "body": "<html>bad gateway</html>"}, "not available"),
        ({"status": 200, "json": {"success": False, "message": "group closed"}}, "group closed"),
        ({"body": requests.ConnectionError("refused")}, "can't be reached"),
    ],
)
def test_a_list_that_does_not_come_is_said_in_words(key, no_network, reply, words):
    factories.model("gpt-4o", key=key)
    no_network.get(MODELS, **reply)

    result = catalog.sync_key(key)

    assert words in result.problem
    assert "<html>" not in result.problem
    key.refresh_from_db()
    assert key.sync_result == result.sentence
    assert key.synced_at is not None
    assert Call.objects.get().error_kind
    assert catalog.offered_models()


def test_a_key_without_a_readable_secret_sends_nothing(key, settings):
    GatewayKey.objects.update(base_url="http://elsewhere.test")
    key.refresh_from_db()

    result = catalog.sync_key(key)

    assert "Enter the secret again" in result.problem
    assert not Call.objects.exists()


def test_names_that_can_not_be_names_are_left_out(key, no_network):
    tell(no_network, "gpt-4o", "x" * 201, "with space", "nul\0", "new\nline")

    assert catalog.sync_key(key).total == 1


def test_a_key_that_was_deleted_meanwhile_makes_no_rows(key, no_network):
    def delete(request):
        GatewayKey.objects.all().delete()
        return 200, {}, '{"data": [{"id": "gpt-4o"}]}'

    no_network.add_callback("GET", MODELS, callback=delete)

    assert "deleted" in catalog.sync_key(key).problem
    assert not Model.objects.exists()


def test_syncing_six_hundred_models_takes_few_queries(key, no_network, django_assert_max_num_queries):
    tell(no_network, *[f"model-{number}" for number in range(600)])

    with django_assert_max_num_queries(40):
        catalog.sync_key(key)

    assert Model.objects.offered().count() == 600


@pytest.mark.parametrize(
    ("age", "problem", "expected"),
    [
        (None, "", True),
        (timedelta(hours=1), "", False),
        (timedelta(hours=25), "", True),
        (timedelta(seconds=30), "connection_refused", False),
        (timedelta(minutes=2), "connection_refused", True),
    ],
)
def test_when_a_sync_is_due(key, age, problem, expected):
    now = timezone.now()
    key.synced_at = now - age if age else None
    key.problem_kind = problem

    assert catalog.needs_sync(key, now) is expected


def test_the_command_says_what_it_found(key, no_network):
    tell(no_network, "gpt-4o")
    out = StringIO()

    call_command("sync_models", stdout=out, no_color=True)

    assert out.getvalue() == "Team: 1 model, 1 of them for chat; 1 new, 0 gone since the last time.\n"


def test_the_command_prints_what_would_change_and_changes_it_when_told_to(key, no_network):
    tell(no_network, "gpt-4o", "gone-1")
    catalog.sync_key(key)
    tell(no_network, "gpt-4o", "brand-new")
    out = StringIO()

    call_command("sync_models", stdout=out, no_color=True)

    assert "Nothing changes before it is applied" in out.getvalue()
    assert "Team:\n  + brand-new\n  - gone-1\n" in out.getvalue()
    assert set(key.models.values_list("name", flat=True)) == {"gpt-4o", "gone-1"}

    call_command("sync_models", "--apply", stdout=out, no_color=True)

    assert "Applied." in out.getvalue()
    assert set(key.models.values_list("name", flat=True)) == {"gpt-4o", "brand-new"}
    assert not Model.objects.get(name="brand-new").is_enabled


def test_the_command_says_that_there_is_no_key(db):
    out = StringIO()

    call_command("sync_models", stdout=out, no_color=True)

    assert "No gateway key" in out.getvalue()
