"""Open sign-ins: seen now and then, ended for good, and never a session key on show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from conversations.models import SignIn, User
from conversations.services import sign_ins

CREDENTIALS = {"username": "ada", "password": "correct horse"}


@pytest.fixture(autouse=True)
def nothing_remembered():
    sign_ins._written.clear()


def signed_in(browser: str = "", **fields) -> Client:
    client = Client(headers={"User-Agent": browser}, **fields)
    assert client.post("/login/", CREDENTIALS).status_code == 302
    return client


def listed(person: User, client: Client) -> list[sign_ins.OpenSignIn]:
    return sign_ins.open_of(person, this=client.session)


def test_a_sign_in_is_a_row_until_it_signs_out(ada):
    client = signed_in("Firefox/130.0", REMOTE_ADDR="10.1.1.1")

    (row,) = listed(ada, client)
    assert (row.browser, row.address, row.is_this) == ("Firefox/130.0", "10.1.1.1", True)
    client.post("/logout/")
    assert not SignIn.objects.exists()
    assert not Session.objects.exists()


def test_this_one_comes_first(ada):
    mine, other = signed_in(), signed_in()
    SignIn.objects.exclude(session_key=mine.session.session_key).update(
        seen_at=timezone.now() + timedelta(hours=1)
    )

    assert [row.is_this for row in listed(ada, mine)] == [True, False]
    assert other.get("/account/").status_code == 200


def test_a_row_without_its_session_is_shown_to_nobody_and_goes(ada):
    gone = signed_in()
    Session.objects.all().delete()
    client = signed_in()

    assert len(listed(ada, client)) == 1
    assert SignIn.objects.count() == 1
    assert gone.get("/").status_code == 302


def test_an_expired_session_is_not_open(ada):
    signed_in()
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    assert len(listed(ada, signed_in())) == 1


def test_a_request_is_noted_after_five_minutes_and_costs_nothing_before(ada, django_assert_num_queries):
    client = signed_in(REMOTE_ADDR="10.1.1.1")
    now = timezone.now()
    session = client.session
    assert session["signed_in_at"]

    with django_assert_num_queries(0):
        sign_ins.seen(session, address="10.1.1.2", now=now + timedelta(minutes=4))
    with django_assert_num_queries(1):
        sign_ins.seen(session, address="10.1.1.2", now=now + timedelta(minutes=6))
    with django_assert_num_queries(0):
        sign_ins.seen(session, address="10.1.1.3", now=now + timedelta(minutes=10))

    row = SignIn.objects.get()
    assert (row.seen_at, row.address) == (now + timedelta(minutes=6), "10.1.1.2")


def test_another_process_that_noted_it_is_not_overwritten(ada):
    session = signed_in().session
    later = timezone.now() + timedelta(minutes=6)
    SignIn.objects.update(seen_at=later)

    sign_ins.seen(session, address="10.9.9.9", now=later + timedelta(minutes=1))

    assert SignIn.objects.get().seen_at == later


def test_a_page_costs_no_query_more_for_it(ada, django_assert_num_queries, django_assert_max_num_queries):
    client = signed_in()
    with django_assert_max_num_queries(50) as tracked:
        client.get("/account/")
    plain = Client()
    plain.force_login(ada)

    with django_assert_num_queries(len(tracked)):
        plain.get("/account/")


def test_ending_all_ends_sessions_without_a_row_too_and_no_other_person_s(ada, bob):
    mine, tracked, untracked, bobs = signed_in(), signed_in(), Client(), Client()
    untracked.force_login(ada)
    bobs.force_login(bob)

    assert sign_ins.end_all(ada, but=mine.session) == 2

    assert [client.get("/").status_code for client in (mine, tracked, untracked, bobs)] == [
        200,
        302,
        302,
        200,
    ]
    assert sign_ins.end_all(ada) == 1
    assert mine.get("/").status_code == 302
    assert not SignIn.objects.exists()


def test_no_page_shows_a_session_key(ada):
    mine, other = signed_in(), signed_in()

    html = mine.get("/account/").content.decode()

    for client in (mine, other):
        assert client.session.session_key not in html
