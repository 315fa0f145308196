"""The admin panel as a whole: who gets in, what its first page says, and what holds on every page."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from conversations.models import Call, Conversation, GatewayKey, Message, PriceSource, User
from conversations.services import price_list
from conversations.services.price_list import NewPrice
from tests import factories
from tests.admin.panel import GROUPS, KEYS, MODELS, PEOPLE, TOOLS, granted, page_of, text_of

# --- Who gets in -----------------------------------------------------------------------------------


ADDRESSES = [
    "/admin/", KEYS, f"{KEYS}add/", MODELS, PEOPLE, GROUPS, f"{GROUPS}add/", TOOLS,
    "/admin/jsi18n/", "/admin/password_change/",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_member_learns_that_nothing_is_here(ada_client, address):
    assert ada_client.get(address).status_code == 404


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_is_sent_to_the_product_s_sign_in(client, db, address):
    response = client.get(address)

    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("press", ["test", "sync", "enable", "disable"])
def test_the_buttons_are_closed_to_members_and_nobody(client, ada_client, key, press):
    assert ada_client.post(page_of(key, press)).status_code == 404
    assert client.post(page_of(key, press)).status_code == 302

    key.refresh_from_db()
    assert key.is_enabled
    assert not Call.objects.exists()


@pytest.mark.parametrize("press", ["test", "sync", "enable", "disable"])
def test_the_buttons_only_answer_to_a_post_with_a_token(staff, key, press):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)

    assert client.get(page_of(key, press)).status_code == 405
    assert client.post(page_of(key, press)).status_code == 403
    assert not Call.objects.exists()


def test_staff_without_a_right_see_an_empty_panel(ada, ada_client, key):
    granted(ada)

    page = ada_client.get("/admin/")

    assert page.status_code == 200
    assert "Nothing in this panel was opened to you" in text_of(page)
    assert key.name not in text_of(page)
    assert ada_client.get(KEYS).status_code == 403
    assert ada_client.post(page_of(key, "test")).status_code == 403


def test_conversations_and_sign_in_records_are_not_in_the_panel():
    registered = {model._meta.label for model in admin.site._registry}

    assert registered == {
        "conversations.GatewayKey", "conversations.Model", "conversations.User", "auth.Group",
        "conversations.Price",
    }  # fmt: skip
    assert not {Conversation, Message, Call} & set(admin.site._registry)


def test_the_first_page_lists_every_page_with_a_line_about_it(staff_client):
    pages = staff_client.get("/admin/").context["app_list"][0]["models"]

    shown = {page["name"]: page["admin_url"] for page in pages}
    assert {"Gateway keys": KEYS, "Models": MODELS, "Tools": TOOLS}.items() <= shown.items()
    assert {"People": PEOPLE, "Groups": GROUPS, "Audit log": "/admin/audit/"}.items() <= shown.items()
    assert list(shown)[0] == "Gateway keys"
    assert all(page["description"] for page in pages)
    assert {staff_client.get(address).status_code for address in shown.values()} == {200}


def test_the_panel_has_no_doors_of_its_own(staff_client):
    assert staff_client.get("/admin/password_change/")["Location"] == reverse("conversations:account")
    leaving = staff_client.post("/admin/logout/")
    assert (leaving.status_code, leaving["Location"]) == (307, "/logout/")
    assert 'action="/logout/"' in text_of(staff_client.get("/admin/"))
    assert staff_client.get("/admin/conversations/")["Location"] == "/admin/"


# --- What the first page says ----------------------------------------------------------------------


def test_the_first_page_says_that_there_is_no_key(staff_client):
    page = text_of(staff_client.get("/admin/"))

    assert "No gateway key is enabled" in page
    assert f'href="{KEYS}add/"' in page


def test_the_first_page_says_that_models_are_read_or_missing(staff_client, key):
    GatewayKey.objects.update(synced_at=None)
    assert "being read" in text_of(staff_client.get("/admin/"))

    GatewayKey.objects.update(synced_at=key.created_at)

    assert "No model is enabled" in text_of(staff_client.get("/admin/"))


def test_the_first_page_says_when_all_is_well(staff_client, key):
    factories.model("gpt-4o", key=key, is_default=True)
    new = NewPrice("gpt-4o", {"per_call": 1}, PriceSource.HAND)
    price_list.add(key.base_url, price_group=key.price_group, new=new, valid_from=None, by=None)

    assert "The chat has what it needs" in text_of(staff_client.get("/admin/"))


def test_the_first_page_says_that_the_default_is_not_available(staff_client, key):
    factories.model("gpt-4o", key=key)
    factories.model("o3", key=key, is_default=True, is_enabled=False)

    assert "new conversations begin with “gpt-4o”" in text_of(staff_client.get("/admin/"))


# --- All pages -------------------------------------------------------------------------------------


def queries(client: Client, address: str, django_assert_max_num_queries) -> int:
    with django_assert_max_num_queries(100) as captured:
        client.get(address)
    return len(captured)


@pytest.mark.parametrize("address", [KEYS, MODELS, PEOPLE, GROUPS, f"{GROUPS}add/"])
def test_query_count_does_not_grow_with_the_list(staff_client, key, address, django_assert_max_num_queries):
    factories.model("m", key=key)
    Group.objects.create(name="Group").user_set.add(factories.person("person"))
    queries(staff_client, address, django_assert_max_num_queries)
    few = queries(staff_client, address, django_assert_max_num_queries)

    for number in range(20):
        factories.model(f"m-{number}", key=factories.gateway_key(f"Key {number}"))
        factories.person(f"person-{number}")
        Group.objects.create(name=f"Group {number}").user_set.add(*User.objects.all())

    assert queries(staff_client, address, django_assert_max_num_queries) == few


def test_every_page_keeps_to_the_policy(staff_client, staff, key):
    model = factories.model("gpt-4o", key=key)
    group = Group.objects.create(name="Research")
    addresses = [
        "/admin/", KEYS, f"{KEYS}add/", page_of(key), page_of(key, "history"), page_of(key, "delete"),
        MODELS, f"{MODELS}add/", f"{MODELS}{model.pk}/change/", f"{MODELS}{model.pk}/delete/",
        PEOPLE, f"{PEOPLE}add/", f"{PEOPLE}{staff.pk}/change/", f"{PEOPLE}{staff.pk}/password/",
        GROUPS, f"{GROUPS}add/", f"{GROUPS}{group.pk}/change/", f"{GROUPS}{group.pk}/delete/",
        f"{GROUPS}{group.pk}/history/", TOOLS,
    ]  # fmt: skip

    for address in addresses:
        page = staff_client.get(address)
        text = text_of(page)
        assert page.status_code == 200, address
        assert "'unsafe-inline'" not in page["Content-Security-Policy"]
        assert "style=" not in text, address
        assert "<style" not in text, address
        assert "onclick" not in text, address
        assert "<script>" not in text, address


@pytest.mark.parametrize("page", [KEYS, MODELS, PEOPLE, GROUPS])
@pytest.mark.parametrize(
    "query",
    [
        "?q=%00",
        "?o=abc",
        "?p=abc",
        "?may=x",
        "?is_enabled__exact=x",
        "?id__exact=abc",
        "?name__regex=(",
        "?e=1",
    ],
)
def test_hostile_queries_are_no_faults(staff_client, key, page, query):
    assert staff_client.get(page + query).status_code < 500


@pytest.mark.parametrize("number", ["abc", "0", "9" * 40, "%00"])
@pytest.mark.parametrize("page", [KEYS, MODELS, PEOPLE, GROUPS])
def test_hostile_ids_in_addresses_are_no_faults(staff_client, key, page, number):
    for name in ("change", "history", "delete", "password"):
        assert staff_client.get(f"{page}{number}/{name}/").status_code < 500
    assert staff_client.post(f"{page}{number}/test/").status_code < 500


@pytest.mark.parametrize(
    "form",
    [
        {"action": "enable", "_selected_action": ["abc"]},
        {"action": "enable", "_selected_action": ["9" * 40]},
        {"action": "enable", "_selected_action": ["\0"]},
        {"action": "nope", "_selected_action": ["1"]},
        {"_save": "1"},
        {"_save": "1", "form-TOTAL_FORMS": "abc", "form-INITIAL_FORMS": "x"},
        {"_save": "1", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": "9" * 40},
        {"_save": "1", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-order": "9" * 40},
    ],
)
def test_hostile_forms_are_no_faults(staff_client, key, form):
    factories.model("gpt-4o", key=key)

    assert staff_client.post(MODELS, form).status_code < 500


def test_the_panel_s_own_sign_in_is_the_product_s(staff_client):
    assert staff_client.get("/admin/login/?next=/admin/")["Location"] == "/login/?next=/admin/"


def test_names_and_words_from_outside_are_text(staff_client, no_network):
    key = factories.gateway_key("<b>Team</b>")
    factories.model("<i>model</i>", key=key)
    no_network.get(
        f"{factories.GATEWAY}/v1/models",
        status=403,
        json={"error": {"message": "<script>alert(1)</script>", "type": "new_api_error"}},
    )

    pages = [
        staff_client.post(page_of(key, "test"), follow=True),
        staff_client.get("/admin/"),
        staff_client.get(KEYS),
    ]
    pages.append(staff_client.get(MODELS))

    for page in pages:
        for tag in ("<script>alert", "<b>Team", "<i>model"):
            assert tag not in text_of(page)
