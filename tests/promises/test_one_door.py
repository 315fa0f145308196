"""Promise 5: one sign-in, no forwarded header believed unasked, and a way back that stays on this host."""

from __future__ import annotations

import pytest
from django.test import Client

from conversations.models import User

ELSEWHERE = [
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "http:evil.example", "https:///evil.example", "http://testserver@evil.example/", "javascript:alert(1)",
    "\x00//evil.example", "\t//evil.example", "\n//evil.example", " //evil.example", "/\t/evil.example",
    "http://[", "https://testserver.evil.example/", "data:text/html,x", "//testserver@evil.example",
    "ftp://testserver/", "x" * 5000,
]  # fmt: skip
CREDENTIALS = {"username": "ada", "password": "correct horse"}


def leads_here(location: str) -> bool:
    return location.startswith("/") and not location.startswith(("//", "/\\", "/\t", "/\n", "/\r"))


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_way_back_leaves_this_host(ada: User, ada_client: Client, target: str) -> None:
    typed = Client().post("/login/", CREDENTIALS | {"next": target})
    asked = Client().post("/login/", CREDENTIALS, query_params={"next": target})
    signed_in = ada_client.get("/login/", {"next": target})

    for answer in (typed, asked, signed_in):
        assert answer.status_code == 302
        assert answer["Location"] == "/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_panel_and_the_pieces_lead_to_the_same_door(db: None, target: str) -> None:
    panel = Client().get("/admin/login/", {"next": target})
    piece = Client().get(
        "/sidebar/", headers={"HX-Request": "true", "HX-Current-URL": target.strip("\x00\n")}
    )

    assert panel["Location"].startswith("/login/?next=")
    assert piece.status_code == 401
    assert piece["HX-Redirect"].startswith("/login/?next=")


@pytest.mark.parametrize("target", ["/login/", "/login/?next=/login/"])
def test_a_way_back_to_the_sign_in_leads_to_the_chat(ada_client: Client, target: str) -> None:
    answer = ada_client.get("/login/", {"next": target}, follow=True)

    assert answer.redirect_chain[-1] == ("/", 302)
    assert answer.status_code == 200


def test_forwarded_headers_of_nobody_in_particular_are_dropped(ada: User) -> None:
    forwarded = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "10.1.1.1",
        "X-Forwarded-Port": "444",
        "X-Real-IP": "10.1.1.1",
        "Forwarded": "for=10.1.1.1;host=evil.example;proto=https",
        "X-Original-URL": "/admin/",
        "X-Rewrite-URL": "/admin/",
    }

    answer = Client().get("/c/", headers=forwarded, follow=False)
    page = Client().get("/", headers=forwarded)

    assert answer.status_code == 404
    assert page["Location"] == "/login/?next=/"
    assert not page.wsgi_request.is_secure()
    assert page.wsgi_request.META["REMOTE_ADDR"] == "127.0.0.1"
    assert page.wsgi_request.get_host() == "testserver"


@pytest.mark.parametrize("sent", ["unknown", "1.2.3.4:567", "", ",", "x" * 300, "10.1.1.1, _hidden"])
def test_what_a_named_proxy_sends_is_an_address_or_nothing(
    db: None, settings: pytest.FixtureRequest, sent: str
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]

    answer = Client().post("/login/", {"username": "x", "password": "y"}, headers={"X-Forwarded-For": sent})

    assert answer.status_code == 200
    assert answer.wsgi_request.META["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize(
    "host", ["evil.example", "", "localhost@evil.example", "a b", "[::1", "x" * 300, "\xff"]
)
def test_another_host_name_is_refused(db: None, settings: pytest.FixtureRequest, host: str) -> None:
    settings.ALLOWED_HOSTS = ["chat.example"]

    answer = Client().get("/login/", headers={"Host": host})

    assert answer.status_code == 400
    assert b"evil.example" not in answer.content


def test_a_sign_in_makes_a_new_session_and_token(ada: User) -> None:
    client = Client()
    client.get("/login/")
    planted = "a" * 32
    client.cookies["sessionid"] = planted
    token = client.cookies["csrftoken"].value

    client.post("/login/", CREDENTIALS)

    assert client.cookies["sessionid"].value != planted
    assert client.cookies["csrftoken"].value != token
    assert client.cookies["sessionid"]["httponly"]
    assert client.cookies["sessionid"]["samesite"] == "Lax"


@pytest.mark.parametrize(
    "address", ["/login/", "/logout/", "/send/", "/account/", "/account/theme/", "/admin/logout/"]
)
def test_no_form_works_without_its_token(ada: User, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)

    assert client.post(address, CREDENTIALS).status_code in (403, 404)
    foreign = client.post(address, CREDENTIALS, headers={"Origin": "https://evil.example"})
    assert foreign.status_code in (403, 404)


def test_https_is_a_switch_of_its_own(settings: pytest.FixtureRequest, db: None) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get("/login/")["Location"] == "https://testserver/login/"
    assert Client().get("/healthz").status_code == 200
