"""What a key's list would change, many models at once, and long lists of models, in the panel."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.urls import reverse

from conversations.models import (
    AuditEntry,
    GatewayKey,
    KeyModel,
    Model,
    ModelDefault,
    ModelProposal,
    ProposalState,
    Wire,
)
from conversations.services import catalog, model_proposals
from tests import factories
from tests.admin.panel import GROUPS, KEYS, MODELS, granted, text_of

LISTED = f"{factories.GATEWAY}/v1/models"
EDIT = f"{MODELS}edit/"


@pytest.fixture
def research(db):
    return Group.objects.create(name="Research")


def tell(no_network, *names: str) -> None:
    no_network.upsert("GET", LISTED, json={"data": [{"id": name} for name in names]})


@pytest.fixture
def proposal(key, no_network):
    """The key serves gpt-4o and old; its list has gpt-4o, new-chat and dall-e-9."""
    tell(no_network, "gpt-4o", "old")
    catalog.sync_key(key)
    tell(no_network, "gpt-4o", "new-chat", "dall-e-9")
    catalog.sync_key(key)
    return model_proposals.open_of(key)


def page_of(proposal: ModelProposal, name: str = "") -> str:
    return f"{MODELS}lists/{proposal.pk}/{name}"


def seen_in(response) -> str:
    return re.search(r'name="seen" value="([0-9a-f]+)"', text_of(response)).group(1)


def served(key: GatewayKey) -> set[str]:
    return set(key.models.values_list("name", flat=True))


# --- A list ----------------------------------------------------------------------------------------


def test_what_waits_stands_on_the_first_page_and_on_the_models(staff_client, proposal):
    for address in ("/admin/", MODELS):
        assert page_of(proposal) in text_of(staff_client.get(address))
    page = html.unescape(text_of(staff_client.get(page_of(proposal))))
    for words in ("new-chat", "dall-e-9", "Probably not for chat", "Nothing changes before", "is offered as"):
        assert words in page
    assert ">gpt-4o<" not in page


def test_reading_by_hand_leads_to_the_difference(staff_client, key, no_network):
    tell(no_network, "gpt-4o")
    assert staff_client.post(f"{KEYS}{key.pk}/sync/")["Location"] == f"{KEYS}{key.pk}/change/"
    tell(no_network, "gpt-4o", "new-chat")

    answer = staff_client.post(f"{KEYS}{key.pk}/sync/")

    assert answer["Location"] == page_of(model_proposals.open_of(key))


def test_who_manages_keys_alone_is_not_led_where_they_may_not_go(ada, ada_client, proposal, key):
    granted(ada, "manage_keys")

    assert ada_client.post(f"{KEYS}{key.pk}/sync/")["Location"] == f"{KEYS}{key.pk}/change/"
    assert ada_client.get(page_of(proposal)).status_code == 403
    assert ada_client.post(page_of(proposal, "apply/")).status_code == 403
    assert ada_client.post(page_of(proposal, "dismiss/")).status_code == 403
    assert ada_client.get(EDIT).status_code == 403


def test_a_list_is_searched_and_filtered_by_kind(staff_client, proposal):
    found = text_of(staff_client.get(page_of(proposal), {"q": "CHAT"}))
    assert "new-chat" in found
    assert "dall-e-9" not in found

    gone = text_of(staff_client.get(page_of(proposal), {"kind": "gone"}))
    assert 'value="old"' in gone
    assert 'value="new-chat"' not in gone
    for odd in ({"kind": "x"}, {"page": "-1"}, {"page": "9" * 30}, {"q": "\x00"}):
        assert staff_client.get(page_of(proposal), odd).status_code == 200


def test_what_is_ticked_is_applied_and_the_rest_waits(staff_client, staff, key, proposal):
    looked = staff_client.get(page_of(proposal))

    answer = staff_client.post(
        page_of(proposal, "apply/"),
        {"seen": seen_in(looked), "which": "ticked", "name": ["old"], "enable": ["new-chat"]},
        follow=True,
    )

    assert "applied 1 new, 0 changed, 1 gone" in text_of(answer)
    assert served(key) == {"gpt-4o", "new-chat"}
    assert Model.objects.get(name="new-chat").is_enabled
    assert "dall-e-9" in text_of(answer)
    entry = AuditEntry.objects.filter(action="model.applied").latest("id")
    assert entry.actor_name == staff.username


def test_all_that_match_are_applied_disabled_unless_told_otherwise(staff_client, key, proposal):
    looked = staff_client.get(page_of(proposal), {"kind": "new"})
    form = {"seen": seen_in(looked), "which": "all", "kind": "new"}

    staff_client.post(page_of(proposal, "apply/"), form)

    assert served(key) == {"gpt-4o", "old", "new-chat", "dall-e-9"}
    assert set(Model.objects.filter(is_enabled=True).values_list("name", flat=True)) == {"gpt-4o", "old"}


def test_all_the_new_ones_for_chat_may_be_enabled_with_them(staff_client, key, proposal):
    form = {"seen": seen_in(staff_client.get(page_of(proposal))), "which": "all", "enable_all": "1"}

    answer = staff_client.post(page_of(proposal, "apply/"), form)

    assert answer["Location"] == MODELS
    assert Model.objects.get(name="new-chat").is_enabled
    assert not Model.objects.get(name="dall-e-9").is_enabled
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.APPLIED
    assert "Applied by" in text_of(staff_client.get(page_of(proposal)))


def test_a_stale_page_is_refused_in_words_and_nothing_is_applied(staff_client, key, proposal):
    looked = staff_client.get(page_of(proposal))
    form = {"seen": seen_in(looked), "which": "ticked"}
    staff_client.post(page_of(proposal, "apply/"), form | {"name": ["old"]})

    answer = staff_client.post(page_of(proposal, "apply/"), form | {"name": ["new-chat"]}, follow=True)

    assert "look at what differs now" in text_of(answer)
    assert served(key) == {"gpt-4o"}
    assert "Choose at least one model" in text_of(
        staff_client.post(page_of(proposal, "apply/"), {"seen": seen_in(answer)}, follow=True)
    )


def test_a_list_is_dismissed_once(staff_client, key, proposal):
    assert "stay as they are" in text_of(staff_client.post(page_of(proposal, "dismiss/"), follow=True))
    assert "decided already" in text_of(staff_client.post(page_of(proposal, "dismiss/"), follow=True))
    assert served(key) == {"gpt-4o", "old"}
    assert staff_client.get(page_of(proposal, "dismiss/")).status_code == 405
    assert staff_client.get(f"{MODELS}lists/{2**63}/").status_code == 404


@pytest.mark.parametrize("count", [1, 600])
def test_a_list_of_hundreds_asks_no_more(staff_client, key, no_network, count, django_assert_max_num_queries):
    tell(no_network, "gpt-4o")
    catalog.sync_key(key)
    tell(no_network, *[f"new-{number}" for number in range(count)])
    catalog.sync_key(key)
    proposal = model_proposals.open_of(key)

    with django_assert_max_num_queries(9):
        page = text_of(staff_client.get(page_of(proposal)))

    assert page.count('name="enable"') == min(count, 100) - (count == 600)


# --- The list of models ----------------------------------------------------------------------------


@pytest.fixture
def some(key, research):
    factories.model("a-tools", key=key)
    factories.model("b-off", key=key, is_enabled=False, has_tools=False, wire=Wire.RESPONSES)
    factories.model("c-limited", key=factories.gateway_key("Other"), has_documents=True).groups.add(research)
    Model.objects.create(name="d-unserved", has_tools=False)


def listed(client, **query: object) -> list[str]:
    page = text_of(client.get(MODELS, query))
    return re.findall(r'<th class="field-name"><a [^>]*>([^<]+)<', page)


def test_models_are_filtered(staff_client, some, research, key):
    assert listed(staff_client) == ["a-tools", "c-limited", "b-off", "d-unserved"]
    assert listed(staff_client, is_enabled__exact=0) == ["b-off", "d-unserved"]
    assert listed(staff_client, served="no") == ["d-unserved"]
    assert listed(staff_client, served="yes") == ["a-tools", "c-limited", "b-off"]
    assert listed(staff_client, wire__exact="responses") == ["b-off"]
    assert listed(staff_client, can="has_documents") == ["c-limited"]
    assert listed(staff_client, group=research.pk) == ["c-limited"]
    assert listed(staff_client, group="everybody") == ["a-tools", "b-off", "d-unserved"]
    assert listed(staff_client, key=key.pk) == ["a-tools", "b-off"]
    assert listed(staff_client, unpriced="yes") == ["a-tools", "c-limited"]
    assert listed(staff_client, key=key.pk, q="off") == ["b-off"]


@pytest.mark.parametrize("query", [{"group": "x"}, {"key": "9" * 30}, {"can": "name"}, {"served": "%00"}])
def test_a_filter_that_makes_no_sense_is_none(staff_client, some, query):
    assert len(listed(staff_client, **query)) == 4


@pytest.mark.parametrize("count", [1, 600])
def test_the_list_of_hundreds_asks_no_more(staff_client, key, research, count, django_assert_max_num_queries):
    made = Model.objects.bulk_create(Model(name=f"m-{number:03}") for number in range(count))
    KeyModel.objects.bulk_create(KeyModel(key=key, model=model) for model in made)
    through = Model.groups.through
    through.objects.bulk_create(through(model=model, group=research) for model in made)
    ModelDefault.objects.create(group=research, model=made[0])

    with django_assert_max_num_queries(16):
        page = text_of(staff_client.get(MODELS))

    assert page.count('class="field-name"') == min(count, 50)


# --- Many at once ----------------------------------------------------------------------------------


def test_chosen_models_are_edited_together(staff_client, staff, some, research):
    chosen = Model.objects.filter(name__in=["a-tools", "b-off"])
    form = {"action": "edit_many", "_selected_action": [model.pk for model in chosen]}
    page = text_of(staff_client.post(f"{MODELS}?served=yes", form))
    assert "Edit 2 models" in page
    pks = re.search(r'name="chosen" value="([0-9,]+)"', page).group(1)
    assert 'name="filters" value="served=yes"' in page

    answer = staff_client.post(
        EDIT,
        {
            **{"chosen": pks, "filters": "served=yes", "wire": "responses", "order": "7", "has_tools": "off"},
            **{"limits": "groups", "groups": [research.pk], "is_enabled": "on"},
        },
    )

    assert answer["Location"] == f"{MODELS}?served=yes"
    rows = chosen.values_list("wire", "order", "has_tools", "is_enabled", "has_vision", "groups__name")
    assert set(rows) == {("responses", 7, False, True, True, "Research")}
    assert Model.objects.get(name="c-limited").wire == Wire.CHAT_COMPLETIONS
    assert AuditEntry.objects.filter(action="model.changed", actor_name=staff.username).count() == 2
    assert LogEntry.objects.count() == 2


def test_all_that_match_are_edited_together_without_a_script(staff_client, some):
    page = text_of(staff_client.get(MODELS, {"is_enabled__exact": "0"}))
    assert "Edit all 2 that match" in page
    link = html.unescape(re.search(r'href="([^"]*/edit/[^"]*)"', page).group(1))

    form = text_of(staff_client.get(link))
    assert "b-off, d-unserved" in form
    chosen = re.search(r'name="chosen" value="([0-9,]+)"', form).group(1)
    staff_client.post(EDIT, {"chosen": chosen, "is_enabled": "on"})

    assert not Model.objects.filter(is_enabled=False).exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({}, "Choose what to change"),
        ({"wire": "smoke"}, "Select a valid choice"),
        ({"order": "much"}, "whole number"),
        ({"limits": "groups"}, "Choose at least one group"),
        ({"order": "9999999999"}, "A place lies between"),
    ],
)
def test_what_can_not_be_set_is_said_and_nothing_is_changed(staff_client, some, typed, words):
    pk = Model.objects.get(name="a-tools").pk

    answer = staff_client.post(EDIT, {"chosen": str(pk), "has_tools": "off" if typed else ""} | typed)

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert Model.objects.get(pk=pk).has_tools


@pytest.mark.parametrize("chosen", ["", "x", "1,,2", "9" * 40, "1;DROP"])
def test_models_that_are_none_are_refused(staff_client, some, chosen):
    answer = staff_client.post(EDIT, {"chosen": chosen, "is_enabled": "on"}, follow=True)

    assert "Choose the models on the list again" in text_of(answer)
    assert Model.objects.filter(is_enabled=True).count() == 2


def test_the_way_back_stays_on_the_list(staff_client, some):
    pk = Model.objects.get(name="a-tools").pk
    form = {"chosen": str(pk), "order": "3", "filters": "//evil.example/?q=a b&served=yes"}

    assert staff_client.post(EDIT, form)["Location"].startswith(f"{MODELS}?")


# --- One model -------------------------------------------------------------------------------------


def form_of(**fields: object) -> dict[str, object]:
    return {
        **{"name": "my-own", "order": 5, "is_enabled": "on", "is_streaming": "on", "has_tools": "on"},
        **{"wire": Wire.CHAT_COMPLETIONS, "default_parameters": ""},
        **fields,
    }


def test_limits_abilities_and_groups_are_set_on_a_model_s_page(staff_client, key, research):
    model = factories.model("my-own", key=key)

    answer = staff_client.post(
        f"{MODELS}{model.pk}/change/",
        form_of(
            served_by=[key.pk],
            has_documents="on",
            has_structured_output="on",
            context_size="128000",
            max_output="4096",
            groups=[research.pk],
            default_for=[research.pk],
        ),
    )

    assert answer.status_code == 302, text_of(answer)
    model.refresh_from_db()
    assert (model.has_documents, model.has_structured_output, model.has_tools) == (True, True, True)
    assert (model.context_size, model.max_output) == (128000, 4096)
    assert list(model.groups.all()) == [research]
    assert ModelDefault.objects.get().group == research
    changes = AuditEntry.objects.get(action="model.changed").changes
    assert changes["groups"] == ["", "Research"]
    assert changes["max_output"] == [None, 4096]
    assert AuditEntry.objects.get(action="model.made_default").changes == {
        "default of Research": [None, "my-own"]
    }
    page = text_of(staff_client.get(MODELS))
    assert "<small>of Research</small>" in page
    assert '<td class="field-for_whom">Research</td>' in page


def test_a_group_begins_with_nothing_that_it_may_not_use(staff_client, key, research):
    other = Group.objects.create(name="Other")
    model = factories.model("my-own", key=key)
    form = form_of(served_by=[key.pk], groups=[other.pk], default_for=[research.pk])

    assert "not for Research" in text_of(staff_client.post(f"{MODELS}{model.pk}/change/", form))
    form = form_of(served_by=[key.pk], default_for=[research.pk], is_enabled="")
    assert "may not choose" in text_of(staff_client.post(f"{MODELS}{model.pk}/change/", form))
    assert not ModelDefault.objects.exists()


def test_the_default_for_everyone_is_not_limited(staff_client, key, research):
    model = factories.model("my-own", key=key, is_default=True)

    page = staff_client.post(f"{MODELS}{model.pk}/change/", form_of(served_by=[key.pk], groups=[research.pk]))

    assert "everybody begins with" in text_of(page)
    assert not model.groups.exists()


def test_a_role_is_no_group_of_a_model(staff_client, key):
    role = Group.objects.get(name="Member")
    model = factories.model("my-own", key=key)

    staff_client.post(f"{MODELS}{model.pk}/change/", form_of(served_by=[key.pk], groups=[role.pk]))

    assert not model.groups.exists()


def test_the_format_of_a_model_added_by_hand_is_chosen(staff_client, key):
    page = text_of(staff_client.get(f"{MODELS}add/"))
    assert '<option value="" selected>Choose one</option>' in page

    staff_client.post(f"{MODELS}add/", form_of(served_by=[key.pk], wire=Wire.RESPONSES))

    assert Model.objects.get().wire == Wire.RESPONSES


def test_a_group_that_models_are_for_alone_is_not_deleted(staff_client, key, research):
    factories.model("deep", key=key).groups.add(research)

    answer = staff_client.post(f"{GROUPS}{research.pk}/delete/", {"post": "yes"}, follow=True)

    assert "Limited to this group alone: deep" in text_of(answer)
    assert Group.objects.filter(pk=research.pk).exists()


def test_the_setting_stands_on_the_page_of_settings_and_is_off(staff_client):
    page = text_of(staff_client.get(reverse("admin:settings")))

    assert "Apply model lists by themselves" in page
    assert not re.search(r'name="apply_model_lists"[^>]*checked', page)
