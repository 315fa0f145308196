"""Forgot your password? The way from the sign-in to a new one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client

from conversations.models import AuditEntry, ResetRequest, SignIn, User
from conversations.services import mailing, resets
from tests import factories

NEW = {"new_password1": "compile-the-9", "new_password2": "compile-the-9"}


@pytest.fixture
def grace(db, settings):
    settings.EMAIL_URL = "smtp://mail.test"
    return factories.person("grace", email="grace@example.com")


def link() -> str:
    """Ask for a mail, and return the path that it leads to."""
    Client().post("/reset/", {"email": "grace@example.com"})
    mailing.wait_for_the_line()
    return urlsplit(re.search(r"http\S+/reset/\S+", mail.outbox[-1].body)[0]).path


def form_of(path: str, client: Client) -> str:
    """Follow the link; return the address of the form, which tells nothing."""
    return client.get(path)["Location"]


def test_the_way_to_a_new_password(grace):
    client = Client()
    assert b"Forgot your password?" in client.get("/login/").content
    address = form_of(link(), client)
    assert client.get(address).status_code == 200

    answer = client.post(address, NEW)

    assert answer["Location"] == "/login/"
    assert b"Your password was changed" in client.get("/login/").content
    grace.refresh_from_db()
    assert grace.check_password("compile-the-9")
    assert AuditEntry.objects.get(action="person.password_reset").actor_pk == grace.pk


def test_it_ends_every_sign_in_also_that_of_the_same_browser(grace):
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post("/login/", {"username": "grace", "password": "correct horse"})
    address = form_of(link(), here)

    assert here.post(address, NEW).status_code == 302

    assert [client.get("/").status_code for client in (here, elsewhere)] == [302, 302]
    assert not SignIn.objects.exists()


def test_a_link_works_once_and_not_for_who_was_deactivated(grace):
    path = link()
    client = Client()
    client.post(form_of(path, client), NEW)
    assert Client().get(path).status_code == 404

    grace.refresh_from_db()
    path = link()
    User.objects.update(is_active=False)
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/reset/MQ/x-y/", "/reset/%FF/set-password/", "/reset/OTk5OTk5OTk5OTk5OTk5OTk5OTk5/a-b/"]
)
def test_a_link_that_is_none_is_a_sentence(grace, path):
    for answer in (Client().get(path), Client().post(path, NEW)):
        assert answer.status_code == 404
        assert b"no longer valid" in answer.content


def test_a_weak_password_is_refused_in_words(grace):
    client = Client()
    address = form_of(link(), client)

    answer = client.post(address, {"new_password1": "12345", "new_password2": "12345"})

    assert answer.status_code == 422
    assert b"too short" in answer.content
    assert client.post(address, NEW).status_code == 302


def test_the_answer_is_the_same_for_every_address(grace):
    pages = []
    for email in ("grace@example.com", "nobody@example.com"):
        answer = Client().post("/reset/", {"email": email})
        page = Client().get(answer["Location"])
        pages.append((answer.status_code, dict(answer.headers), page.content))
    mailing.wait_for_the_line()

    assert pages[0] == pages[1]
    assert len(mail.outbox) == 1


def test_a_server_that_is_down_answers_the_same(grace, settings, caplog):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    assert Client().post("/reset/", {"email": "grace@example.com"})["Location"] == "/reset/sent/"
    mailing.wait_for_the_line()

    assert "A mail could not be sent" in caplog.text


def test_who_asks_on_and_on_is_refused_in_words(grace):
    for number in range(resets.MOST_PER_CLIENT):
        ResetRequest.objects.create(address_hash=str(number), client="127.0.0.1")

    answer = Client().post("/reset/", {"email": "grace@example.com"})

    assert answer.status_code == 429
    assert b"Try again in an hour" in answer.content


def test_no_address_is_a_refused_form(grace):
    assert Client().post("/reset/", {"email": "x"}).status_code == 422


def test_a_lock_after_wrong_passwords_ends_with_the_new_one(grace):
    for _ in range(django_settings.AXES_FAILURE_LIMIT):
        Client().post("/login/", {"username": "grace", "password": "wrong"})
    client = Client()
    client.post(form_of(link(), client), NEW)

    # From another address: this one is still locked by its own failures.
    answer = Client(REMOTE_ADDR="10.0.0.9").post(
        "/login/", {"username": "grace", "password": "compile-the-9"}
    )

    assert answer.status_code == 302


def test_without_mail_the_pages_say_whom_to_ask(db, settings):
    settings.EMAIL_URL = ""

    login = Client().get("/login/").content.decode()
    assert "Ask an admin" in login
    assert "/reset/" not in login
    for answer in (
        Client().get("/reset/"),
        Client().post("/reset/", {"email": "a@b.co"}),
        Client().get("/reset/sent/"),
    ):
        assert "Ask an admin" in answer.content.decode()
    assert not ResetRequest.objects.exists()
