"""Following an invite: one page, one account, and one answer for every link that opens nothing."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Invite, SignIn, User
from conversations.services import invites, roles
from conversations.views.reporting import QuietRecords
from tests import factories

CHOSEN = {
    "username": "grace",
    "first_name": "Grace",
    "last_name": "Hopper",
    "password1": "compile-the-9",
    "password2": "compile-the-9",
}


@pytest.fixture
def token(db) -> str:
    roles.ensure()
    owner = factories.person("owner", is_superuser=True)
    return invites.make(by=owner, public_id=uuid.uuid4(), role="Member", days=7).token


def follow(token: str, client: Client | None = None, **fields: str):
    return (client or Client()).post(f"/invite/{token}/", CHOSEN | fields)


def test_the_page_tells_its_address_to_nobody(token):
    answer = Client().get(f"/invite/{token}/")

    assert answer.status_code == 200
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store, private"
    html = answer.content.decode()
    assert '<meta name="referrer" content="strict-origin">' in html
    assert token not in html


def test_who_follows_it_chooses_a_name_and_a_password_and_is_signed_in(token):
    client = Client(headers={"User-Agent": "Firefox/130.0"})

    answer = follow(token, client)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    grace = User.objects.get(username="grace")
    assert grace.check_password("compile-the-9")
    assert (grace.first_name, grace.is_staff, grace.is_superuser) == ("Grace", False, False)
    assert client.get("/").status_code == 200
    assert SignIn.objects.get().browser == "Firefox/130.0"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"password1": "12345", "password2": "12345"}, "too short"),
        ({"password2": "something else"}, "match"),
        ({"username": "OWNER"}, "already exists"),
        ({"username": ""}, "required"),
        ({"username": "grace\x00"}, "Null characters"),
    ],
)
def test_what_is_refused_is_said_and_the_invite_stays_open(token, fields, said):
    answer = follow(token, **fields)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "compile-the-9" not in answer.content.decode()
    assert follow(token).status_code == 302


def end(why: str, token: str) -> None:
    if why == "used":
        follow(token, username="first")
    elif why == "expired":
        Invite.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif why == "revoked":
        Invite.objects.update(revoked_at=timezone.now())


@pytest.mark.parametrize("why", ["used", "expired", "revoked", "unknown"])
def test_every_dead_link_gets_the_same_page(token, why):
    end(why, token)
    dead = "never-made-" * 4 if why == "unknown" else token

    answers = [Client().get(f"/invite/{dead}/"), follow(dead), Client().get("/invite/x/")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len({answer.content for answer in answers}) == 1
    assert not User.objects.filter(username="grace").exists()


def test_somebody_who_is_signed_in_becomes_the_new_person(token, ada_client):
    assert b"signed in as ada" in ada_client.get(f"/invite/{token}/").content

    follow(token, ada_client)

    assert ada_client.get("/").wsgi_request.user.username == "grace"
    sign_in = SignIn.objects.get(person__username="grace")
    assert sign_in.session_key == ada_client.session.session_key
    assert b"this one" in ada_client.get("/account/").content


@pytest.mark.parametrize("path", ["/invite/{}/", "/reset/MQ/{}/"])
def test_no_log_line_tells_a_link(path):
    secret = "c0ffee-5ecret_0f-a-link"
    record = logging.LogRecord("django.request", 30, "", 0, "Not Found: %s", (path.format(secret),), None)

    QuietRecords().filter(record)

    assert secret not in record.getMessage()
    assert "Not Found: /" in record.getMessage()
