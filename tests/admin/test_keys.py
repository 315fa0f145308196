"""Gateway keys in the panel: the secret goes in and never out, and the buttons do what they say."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography.fernet import Fernet
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Call, GatewayKey, KeyCooldown, KeyModel, Model, Purpose, UsageDay
from conversations.services import calls, keys, usage
from tests import factories
from tests.admin.panel import KEYS, SECRET, page_of, text_of, typed

# --- The secret goes in and never out -----------------------------------------------------------------


def test_a_key_is_stored_and_tested_on_its_own_page(staff, staff_client, no_network):
    response = staff_client.post(f"{KEYS}add/", typed(base_url="gateway.test/v1/", secret=f"{SECRET}\n"))

    key = GatewayKey.objects.get()
    assert response["Location"] == page_of(key)
    assert key.base_url == "https://gateway.test"
    assert keys.secret_of(key) == SECRET
    # Its models are read by the engine, not within the form's transaction.
    assert key.synced_at is None
    assert not no_network.calls


def test_no_page_shows_a_secret(staff_client, key, no_network, caplog):
    caplog.set_level(logging.DEBUG)
    no_network.get(
        f"{factories.GATEWAY}/v1/models",
        status=401,
        json={"error": {"message": f"bad {SECRET}", "type": "new_api_error"}},
    )
    new = "sk-a-new-secret-0123456789ABCD"

    pages = [
        staff_client.get("/admin/"),
        staff_client.get(KEYS),
        staff_client.get(page_of(key)),
        staff_client.post(page_of(key, "test"), follow=True),
        staff_client.post(page_of(key, "sync"), {"back": "list"}, follow=True),
        # A form that is refused is shown again: without what was typed into the secret.
        staff_client.post(page_of(key), typed(name="", secret=new)),
        staff_client.post(f"{KEYS}add/", typed(secret=new, base_url="ftp://x")),
        staff_client.post(page_of(key), typed(secret=f"{new}\x07")),
        staff_client.post(page_of(key), typed(secret=new), follow=True),
        staff_client.get(page_of(key, "history")),
        staff_client.get(page_of(key, "delete")),
        staff_client.get("/admin/"),
    ]

    for page in pages:
        assert page.status_code == 200
        assert SECRET not in text_of(page)
        assert new not in text_of(page)
        assert key.ciphertext not in text_of(page)
    assert "…WXYZ" in text_of(pages[2])
    assert keys.secret_of(GatewayKey.objects.get()) == new
    kept = str(list(LogEntry.objects.values_list())) + str(list(Call.objects.values_list())) + caplog.text
    for secret in (SECRET, new):
        assert secret not in kept
        assert secret[4:20] not in kept


def test_an_empty_secret_keeps_the_present_one(staff_client, key):
    staff_client.post(page_of(key), typed(name="Renamed", note="Until May"))

    key.refresh_from_db()
    assert (key.name, key.note) == ("Renamed", "Until May")
    assert keys.secret_of(key) == SECRET


def test_a_new_key_needs_its_secret(staff_client):
    response = staff_client.post(f"{KEYS}add/", typed())

    assert "A key needs its secret." in text_of(response)
    assert not GatewayKey.objects.exists()


@pytest.mark.parametrize(
    "address", ["https://elsewhere.test", "http://gateway.test:8080", "https://gateway.test"]
)
def test_another_server_needs_the_secret_again(staff_client, key, address):
    response = staff_client.post(page_of(key), typed(base_url=address))

    assert "leads to another server" in text_of(response)
    key.refresh_from_db()
    assert key.base_url == factories.GATEWAY

    assert staff_client.post(page_of(key), typed(base_url=address, secret=SECRET)).status_code == 302
    key.refresh_from_db()
    assert keys.secret_of(key) == SECRET


def test_another_path_on_the_same_server_does_not(staff_client, key):
    GatewayKey.objects.update(synced_at=key.created_at)

    staff_client.post(page_of(key), typed(base_url=f"{factories.GATEWAY}/prefix/v1"))

    key.refresh_from_db()
    assert key.base_url == f"{factories.GATEWAY}/prefix"
    assert key.synced_at is None


def test_a_lost_encryption_key_is_said_where_it_matters(staff_client, key, settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    for address in ("/admin/", KEYS, page_of(key)):
        assert key.encryption_key_fingerprint in text_of(staff_client.get(address))
    assert "can&#x27;t be read any more" in text_of(staff_client.post(page_of(key), typed()))


def test_an_address_that_is_none_is_refused_in_words(staff_client, key):
    response = staff_client.post(page_of(key), typed(base_url="https://user:pw@gateway.test"))

    assert "user name or password" in text_of(response)


# --- Keys: buttons ------------------------------------------------------------------------------------


def test_test_says_on_the_page_what_it_found(staff_client, key, no_network):
    no_network.get(f"{factories.GATEWAY}/v1/models", json={"data": [{"id": "gpt-4o"}]})
    no_network.get(f"{factories.GATEWAY}/v1/dashboard/billing/subscription", status=404)

    page = staff_client.post(page_of(key, "test"), follow=True)

    assert "Team: The key works: 1 model, 1 of them for chat." in text_of(page)
    assert Call.objects.get().person_name == "staff"


@pytest.mark.parametrize(
    ("reply", "level"),
    [({"status": 404, "body": "no"}, "warning"), ({"body": requests.ConnectionError("no")}, "error")],
)
def test_test_says_why_not(staff_client, key, no_network, reply, level):
    no_network.get(f"{factories.GATEWAY}/v1/models", **reply)

    page = staff_client.post(page_of(key, "test"), follow=True)

    assert f'<li class="{level}">' in text_of(page)


def test_the_gateway_is_asked_outside_any_transaction(staff_client, key, no_network, transactional_db):
    seen = []

    def answer(request):
        seen.append(connection.in_atomic_block)
        return 200, {}, '{"data": [{"id": "gpt-4o"}]}'

    no_network.add_callback("GET", f"{factories.GATEWAY}/v1/models", callback=answer)
    no_network.get(f"{factories.GATEWAY}/v1/dashboard/billing/subscription", status=404)

    staff_client.post(page_of(key, "test"))
    staff_client.post(page_of(key, "sync"))

    assert seen == [False, False]


def test_sync_reads_the_models(staff_client, key, no_network):
    no_network.get(f"{factories.GATEWAY}/v1/models", json={"data": [{"id": "gpt-4o"}]})

    page = staff_client.post(page_of(key, "sync"), {"back": "list"}, follow=True)

    assert page.redirect_chain == [(KEYS, 302)]
    assert "1 new, 0 gone" in text_of(page)
    assert Model.objects.get().is_enabled


def test_a_key_is_disabled_and_enabled(staff_client, key):
    staff_client.post(page_of(key, "disable"))
    assert not GatewayKey.objects.get().is_enabled

    staff_client.post(page_of(key, "enable"))
    assert GatewayKey.objects.get().is_enabled
    assert [entry.change_message for entry in LogEntry.objects.order_by("id")] == ["Disabled.", "Enabled."]


def test_a_key_that_can_not_be_enabled_is_refused_in_words(staff_client, key, settings):
    keys.disable(key)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    page = staff_client.post(page_of(key, "enable"), follow=True)

    assert '<li class="error">' in text_of(page)
    assert not GatewayKey.objects.get().is_enabled


def test_a_key_that_is_gone_is_not_found(staff_client, key):
    key.delete()

    assert staff_client.post(f"{KEYS}12345/test/").status_code == 404


def test_a_deleted_key_leaves_its_calls(staff_client, key):
    factories.model("gpt-4o", key=key)
    calls.begin(purpose=Purpose.TEST, key=key)
    confirmation = text_of(staff_client.get(page_of(key, "delete")))
    assert "serves" not in confirmation

    staff_client.post(page_of(key, "delete"), {"post": "yes"})

    assert not GatewayKey.objects.exists()
    assert (Call.objects.get().key, Call.objects.get().key_name) == (None, "Team")
    assert Model.objects.exists()


def test_the_key_of_the_environment_is_changed_in_the_environment(staff_client, settings, db):
    settings.CHAINHUB_API_KEY = SECRET
    key = keys.follow_environment()

    page = text_of(staff_client.get(page_of(key)))
    staff_client.post(
        page_of(key), typed(name="Mine", base_url="https://evil.test", secret="sk-other", note="Hm")
    )

    key.refresh_from_db()
    assert "CHAINHUB_API_KEY" in page
    assert 'type="password"' not in page
    assert (key.name, key.base_url, key.note) == ("Environment", "https://api.chainhub.tech", "Hm")
    assert keys.secret_of(key) == SECRET
    assert staff_client.post(page_of(key, "delete"), {"post": "yes"}).status_code == 403


def test_the_key_of_a_variable_that_went_away_says_so(staff_client, settings, db):
    settings.CHAINHUB_API_KEY = SECRET
    key = keys.follow_environment()
    settings.CHAINHUB_API_KEY = ""
    keys.follow_environment()

    assert "CHAINHUB_API_KEY is not set any more" in text_of(staff_client.get("/admin/"))
    assert "CHAINHUB_API_KEY is not set any more" in text_of(staff_client.get(page_of(key)))


def test_the_practice_gateway_is_shown_only_while_it_answers(staff_client, db):
    practice = keys.ensure_practice_key()
    index, listed = text_of(staff_client.get("/admin/")), text_of(staff_client.get(KEYS))
    assert "Put a ChainHub key in" in index
    assert "Practice gateway" in listed
    page = text_of(staff_client.get(page_of(practice)))
    assert 'name="_save"' not in page
    assert staff_client.post(page_of(practice), typed(name="Mine")).status_code == 403
    staff_client.post(page_of(practice, "disable"))
    assert GatewayKey.objects.get().is_enabled

    factories.gateway_key("Team")

    assert "Practice gateway" not in text_of(staff_client.get(KEYS))
    assert "Put a ChainHub key in" not in text_of(staff_client.get("/admin/"))
    assert staff_client.post(page_of(practice, "test")).status_code == 404


# --- Keys: whom they serve, when, and for how much ----------------------------------------------------


def test_all_that_can_be_set_of_a_key_is_stored_as_it_was_meant(staff, staff_client, db):
    staff.time_zone = "America/New_York"
    staff.save()
    group = Group.objects.create(name="Research")

    staff_client.post(
        f"{KEYS}add/",
        typed(
            secret=SECRET,
            groups=[group.pk],
            only_models="gpt-4o*\r\no3",
            priority="7",
            weight="3",
            valid_from="2026-01-15T09:00",
            valid_until="2026-07-15T09:00",
            cap_per_day="0.000000001",
            cap_per_month="12345.5",
            price_group="vip",
        ),
    )

    key = GatewayKey.objects.get()
    assert list(key.groups.all()) == [group]
    assert (key.only_models, key.priority, key.weight) == (["gpt-4o*", "o3"], 7, 3)
    # Winter and summer time of New York.
    assert key.valid_from == datetime(2026, 1, 15, 14, tzinfo=UTC)
    assert key.valid_until == datetime(2026, 7, 15, 13, tzinfo=UTC)
    assert (key.cap_per_day, key.cap_per_month) == (1, 12_345_500_000_000)
    assert key.price_group == "vip"
    page = text_of(staff_client.get(page_of(key)))
    for shown in (
        *('value="2026-01-15T09:00"', 'value="2026-07-15T09:00"', "America/New_York"),
        *('value="0.000000001"', 'value="12345.5"', "In credits", "gpt-4o*\no3"),
    ):
        assert shown in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"cap_per_day": "2,5"}, "Write an amount like 25 or 2.50."),
        ({"cap_per_day": "NaN"}, "Write an amount like 25 or 2.50."),
        ({"cap_per_day": "0"}, "above 0"),
        ({"cap_per_day": "-1"}, "above 0"),
        ({"cap_per_day": "0.0000000001"}, "nine decimals"),
        ({"cap_per_month": "9000000001"}, "At most 9000000000"),
        ({"cap_per_month": "1e30"}, "At most 9000000000"),
        ({"cap_per_day": "2", "cap_per_month": "1"}, "more than the cap per month"),
        ({"valid_from": "yesterday"}, "Write a date and a time"),
        ({"valid_from": "2026-05-01T10:00", "valid_until": "2026-05-01T10:00"}, "not after “Valid from”"),
        ({"weight": "0"}, "greater than or equal to 1"),
        ({"priority": "-1"}, "greater than or equal to 0"),
        ({"only_models": "gpt 4o"}, "is no model&#x27;s name"),
        ({"groups": "4711"}, "no such group any more"),
        ({"groups": "x"}, "no such group any more"),
        ({"price_group": ""}, "This field is required"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_words_and_nothing_is_kept(staff_client, key, fields, sentence):
    response = staff_client.post(page_of(key), typed(note="lost?", **fields))

    assert sentence in text_of(response)
    key.refresh_from_db()
    assert key.note == ""
    # What was typed is still there to be mended.
    assert 'value="lost?"' in text_of(response)


def test_names_that_fit_no_model_are_told_after_saving(staff_client, key):
    factories.model("gpt-4o", key=key)

    page = staff_client.post(page_of(key), typed(only_models="gpt-4o\ngtp-5"), follow=True)

    assert "Nothing that Team serves now is called so: gtp-5." in text_of(page)


def test_a_key_is_switched_off_on_its_form_too(staff_client, key):
    staff_client.post(page_of(key), typed(is_enabled=""))
    assert not GatewayKey.objects.get().is_enabled

    staff_client.post(page_of(key), typed())
    assert GatewayKey.objects.get().is_enabled


def test_the_environment_s_key_can_not_be_switched_on_unreadable(staff_client, settings, db):
    settings.CHAINHUB_API_KEY = SECRET
    key = keys.follow_environment()
    keys.disable(key)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    response = staff_client.post(page_of(key), typed())

    assert key.encryption_key_fingerprint in text_of(response)
    assert not GatewayKey.objects.get().is_enabled


def test_keys_on_an_old_encryption_key_are_told_on_the_first_page(staff_client, key, settings):
    assert "reencrypt" not in text_of(staff_client.get("/admin/"))

    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]

    assert "One key is stored under an old encryption key." in text_of(staff_client.get("/admin/"))


# --- Keys: health -------------------------------------------------------------------------------------


def test_the_health_page_tells_how_a_key_is_doing(staff_client, key):
    today = usage.day_of(timezone.now())
    Call.objects.create(purpose=Purpose.ANSWER, key=key, first_token_ms=840)
    Call.objects.create(purpose=Purpose.ANSWER, key=key, error_kind="rate_limited")
    UsageDay.objects.create(
        day=today, key_pk=key.pk, currency="credits", calls=1_234, input_tokens=10_000, cost=2_500_000_000
    )
    KeyCooldown.objects.create(
        key=key, reason="rate_limited", failures=2, began_at=timezone.now(),
        ends_at=timezone.now() + timedelta(minutes=5),
    )  # fmt: skip
    GatewayKey.objects.update(cap_per_day=10_000_000_000, balance="Balance: 3.00 left of 4.00.")

    page = text_of(staff_client.get(page_of(key, "health")))

    for shown in (
        *("Cooling down", "The gateway asked for fewer requests", "2 times", "0.84 s", "50 %"),
        *("1\N{NARROW NO-BREAK SPACE}234", "10\N{NARROW NO-BREAK SPACE}000", "2.50 credits", "10 credits"),
        *("Balance: 3.00 left of 4.00.", '<svg class="spark"', "Disable"),
    ):
        assert shown in page, shown
    assert "style=" not in page


def test_the_health_page_asks_no_gateway(staff_client, key, no_network):
    assert staff_client.get(page_of(key, "health")).status_code == 200

    assert not no_network.calls
    assert "Not asked yet." in text_of(staff_client.get(page_of(key, "health")))


def test_the_buttons_of_the_health_page_lead_back_to_it(staff_client, key, no_network):
    no_network.get(f"{factories.GATEWAY}/v1/dashboard/billing/subscription", json={"hard_limit_usd": 4})
    no_network.get(f"{factories.GATEWAY}/v1/dashboard/billing/usage", json={"total_usage": 100})

    asked = staff_client.post(page_of(key, "balance"), {"back": "health"}, follow=True)
    off = staff_client.post(page_of(key, "disable"), {"back": "health"}, follow=True)

    assert asked.redirect_chain == off.redirect_chain == [(page_of(key, "health"), 302)]
    assert "Team: Balance: 3.00 left of 4.00." in text_of(asked)
    assert "Enable</button>" in text_of(off)


def test_the_health_page_of_no_key_is_not_found(staff_client, ada_client, key):
    assert staff_client.get(f"{KEYS}4711/health/").status_code == 404
    assert ada_client.get(page_of(key, "health")).status_code == 404
    assert staff_client.post(page_of(key, "health")).status_code == 405


def test_neither_the_list_nor_a_health_page_takes_more_queries_for_more_keys(staff_client, key):
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff_client.get(address).status_code == 200
        return len(captured)

    KeyModel.objects.create(key=key, model=Model.objects.create(name="gpt-4o"))
    one = [queries(KEYS), queries(page_of(key, "health"))]
    for number in range(19):
        other = factories.gateway_key(f"Key {number}", cap_per_day=5)
        UsageDay.objects.create(day=usage.day_of(timezone.now()), key_pk=other.pk, calls=3, cost=5)
        Call.objects.create(purpose=Purpose.ANSWER, key=other)

    assert [queries(KEYS), queries(page_of(key, "health"))] == one
    assert text_of(staff_client.get(KEYS)).count('<svg class="spark"') == 20


def test_a_model_that_was_added_by_hand_can_not_go_around_the_limit_of_a_key(staff_client, key):
    GatewayKey.objects.update(only_models=["o3"])

    response = staff_client.post(
        "/admin/conversations/model/add/",
        {"name": "gpt-4o", "order": "1", "wire": "chat_completions", "served_by": [key.pk]},
    )

    assert "Limited to other models, on the key&#x27;s own page: Team." in text_of(response)
    assert not KeyModel.objects.exists()
