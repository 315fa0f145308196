"""Models in the panel."""

from __future__ import annotations

import pytest
from django.test import Client

from conversations.models import Model, Wire
from conversations.services import catalog, keys, model_lists, model_proposals
from tests import factories
from tests.admin.panel import MODELS, text_of


def by_hand(**fields: object) -> dict[str, object]:
    return {
        "name": "my-own",
        "order": 5,
        "is_enabled": "on",
        "is_streaming": "on",
        "wire": Wire.CHAT_COMPLETIONS,
        "default_parameters": "",
        **fields,
    }


def test_a_model_is_added_by_hand_with_the_keys_that_serve_it(staff_client, key):
    other = factories.gateway_key("Other")

    response = staff_client.post(f"{MODELS}add/", by_hand(served_by=[other.pk]))

    model = Model.objects.get()
    assert response.status_code == 302
    assert model.endpoint_types is None
    assert model.default_parameters == {}
    assert list(model.keys.all()) == [other]
    assert model in Model.objects.offered()

    staff_client.post(f"{MODELS}{model.pk}/change/", by_hand(served_by=[key.pk], display_name="Mine"))
    model.refresh_from_db()
    assert model.display_name == "Mine"
    assert list(model.keys.all()) == [key]


def test_a_synced_model_s_name_and_keys_are_the_gateway_s(staff_client, key):
    model = factories.model("gpt-4o", key=key, endpoint_types=["openai"])

    staff_client.post(f"{MODELS}{model.pk}/change/", by_hand(name="other", served_by=[]))

    model.refresh_from_db()
    assert (model.name, model.order) == ("gpt-4o", 5)
    assert list(model.keys.all()) == [key]


def test_the_wire_of_a_model_is_an_admin_s_and_no_sync_takes_it_back(staff_client, key, no_network):
    listed = [{"id": "o3-pro", "supported_endpoint_types": ["openai-response"]}, {"id": "gpt-4o"}]
    no_network.get(f"{factories.GATEWAY}/v1/models", json={"object": "list", "data": listed})
    assert not catalog.sync_key(key).problem
    guessed = dict(Model.objects.values_list("name", "wire"))
    assert guessed == {"o3-pro": Wire.RESPONSES, "gpt-4o": Wire.CHAT_COMPLETIONS}

    for name, wire in guessed.items():
        page = f"{MODELS}{Model.objects.get(name=name).pk}/change/"
        assert "is kept" in text_of(staff_client.get(page))
        other = next(other for other in Wire if other != wire)
        assert staff_client.post(page, by_hand(wire=other)).status_code == 302
    # The gateway also tells something new of it.
    listed[1]["supported_endpoint_types"] = ["openai"]
    no_network.upsert("GET", f"{factories.GATEWAY}/v1/models", json={"object": "list", "data": listed})
    assert not catalog.sync_key(key).problem
    proposal = model_proposals.open_of(key)
    seen = model_lists.mark_of(model_proposals.differences(proposal))
    model_proposals.apply(proposal, by=None, seen=seen)

    assert Model.objects.get(name="gpt-4o").endpoint_types == ["openai"]
    assert dict(Model.objects.values_list("name", "wire")) == {
        "o3-pro": Wire.CHAT_COMPLETIONS,
        "gpt-4o": Wire.RESPONSES,
    }


@pytest.mark.parametrize("wire", ["", "smoke_signals"])
def test_a_wire_that_is_none_is_refused(staff_client, key, wire):
    page = staff_client.post(f"{MODELS}add/", by_hand(served_by=[key.pk], wire=wire))

    assert "errornote" in text_of(page)
    assert not Model.objects.exists()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{top_p: 1}", "not JSON"),
        ("[1]", "JSON object"),
        ('{"stop": ["a"]}', "“stop” must be"),
        ('{"model": "o3"}', "set by the chat itself"),
        ('{"tools": []}', "set by the chat itself"),
        ('{"stream": true}', "set by the chat itself"),
        ('{"shell": "rm"}', "“shell” can’t be set here".replace("’", "&#x27;")),
        ('{"top_p": "0.9"}', "“top_p” must be a number"),
        ('{"seed": true}', "“seed” must be a whole number"),
        ('{"top_p": NaN}', "not JSON"),
        ('{"top_p": 1e999}', "“top_p” must be a number"),
        ("[" * 5000, "not JSON"),
        ("{" + ",".join(f'"p{n}": 1' for n in range(30)) + "}", "At most"),
    ],
)
def test_parameters_that_can_not_be_sent_are_refused_in_words(staff_client, key, value, words):
    page = staff_client.post(f"{MODELS}add/", by_hand(served_by=[key.pk], default_parameters=value))

    assert words in text_of(page)
    assert not Model.objects.exists()


def test_parameters_are_kept_as_plain_values(staff_client, key):
    value = '{"top_p": 0.9, "user": "team", "store": false, "seed": null}'

    staff_client.post(f"{MODELS}add/", by_hand(served_by=[key.pk], default_parameters=value))

    model = Model.objects.get()
    assert model.default_parameters == {"top_p": 0.9, "user": "team", "store": False, "seed": None}
    assert "&quot;top_p&quot;: 0.9" in text_of(staff_client.get(f"{MODELS}{model.pk}/change/"))


@pytest.mark.parametrize("name", ["two words", "gpt-4-gizmo-*", "bell\x07"])
def test_a_name_that_is_none_is_refused(staff_client, key, name):
    page = staff_client.post(f"{MODELS}add/", by_hand(name=name, served_by=[key.pk]))

    assert page.status_code == 200
    assert not Model.objects.exists()


def test_the_list_edits_names_order_and_switches(staff_client, key):
    model = factories.model("gpt-4o", key=key)
    form = {
        "form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": model.pk, "_save": "Save",
        "form-0-display_name": "Big one", "form-0-order": 7,
    }  # fmt: skip

    staff_client.post(MODELS, form)

    model.refresh_from_db()
    assert (model.display_name, model.order, model.is_enabled) == ("Big one", 7, False)


def act(client: Client, action: str, *models: Model):
    return client.post(
        MODELS, {"action": action, "_selected_action": [model.pk for model in models]}, follow=True
    )


def test_models_are_enabled_and_disabled_in_bulk(staff_client, key):
    models = [factories.model(f"m-{number}", key=key, is_enabled=False) for number in range(3)]

    assert "3 models enabled." in text_of(act(staff_client, "enable", *models))
    assert Model.objects.filter(is_enabled=True).count() == 3

    act(staff_client, "disable", models[0])
    assert Model.objects.filter(is_enabled=True).count() == 2


def test_one_model_is_made_the_default(staff_client, key):
    first, second = factories.model("first", key=key, is_default=True), factories.model("second", key=key)

    act(staff_client, "default_by_action", second)
    assert list(Model.objects.filter(is_default=True)) == [second]

    staff_client.post(f"{MODELS}{first.pk}/default/")
    assert list(Model.objects.filter(is_default=True)) == [first]

    assert "exactly one" in text_of(act(staff_client, "default_by_action", first, second))
    Model.objects.filter(pk=second.pk).update(is_enabled=False)
    assert "Enable “second” first" in text_of(act(staff_client, "default_by_action", second))
    assert list(Model.objects.filter(is_default=True)) == [first]


def test_only_a_model_that_would_not_come_back_is_deleted(staff_client, key):
    synced = factories.model("gpt-4o", key=key, endpoint_types=[])
    own = factories.model("my-own", key=key)

    assert staff_client.post(f"{MODELS}{synced.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff_client.get(f"{MODELS}{own.pk}/delete/").status_code == 200
    staff_client.post(f"{MODELS}{own.pk}/delete/", {"post": "yes"})

    assert list(Model.objects.all()) == [synced]
    assert "delete_selected" not in text_of(staff_client.get(MODELS))


def test_models_of_the_practice_gateway_are_listed_only_while_it_answers(staff_client, db):
    factories.model("practice-echo", key=keys.ensure_practice_key())
    assert "practice-echo" in text_of(staff_client.get(MODELS))

    factories.gateway_key("Team")

    assert "practice-echo" not in text_of(staff_client.get(MODELS))


def test_models_are_found_by_name(staff_client, key):
    factories.model("gpt-4o", key=key)
    factories.model("o3", key=key)

    page = text_of(staff_client.get(MODELS, {"q": "gpt"}))

    assert "gpt-4o" in page
    assert ">o3<" not in page
