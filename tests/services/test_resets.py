"""Mails for a new password: to whom, how often, and what the asker learns."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from conversations.models import ResetRequest, User
from conversations.services import mailing, resets
from conversations.services.resets import TooManyResets
from tests import factories


@pytest.fixture(autouse=True)
def mail_server(settings):
    settings.EMAIL_URL = "smtp://mail.test"


@pytest.fixture
def grace(db):
    return factories.person("grace", email="Grace@example.com")


def ask(email: str, client: str = "10.0.0.1") -> list[mail.EmailMessage]:
    before = len(mail.outbox)
    resets.ask(email, client=client, site="https://chat.example/")
    mailing.wait_for_the_line()
    return mail.outbox[before:]


def test_the_link_goes_to_the_stored_address_whatever_its_case(grace):
    (letter,) = ask("grace@EXAMPLE.com ")

    assert letter.to == ["Grace@example.com"]
    assert re.search(r"https://chat\.example/reset/\w+/[\w-]+/", letter.body)
    assert "grace" in letter.body


def test_nobody_and_who_was_deactivated_get_nothing(grace):
    User.objects.update(is_active=False)

    assert ask("grace@example.com") == []
    assert ask("nobody@example.com") == []


def test_a_known_address_costs_the_same_queries_as_an_unknown_one(grace, django_assert_num_queries):
    for email in ("grace@example.com", "nobody@example.com"):
        with django_assert_num_queries(7):  # savepoint, old rows, client, address, insert, release, people
            resets.ask(email, client="10.0.0.1", site="https://chat.example/")
    mailing.wait_for_the_line()


def test_a_mailbox_gets_three_an_hour_and_the_fourth_is_not_told(grace):
    got = [len(ask("grace@example.com", f"10.0.0.{number}")) for number in range(5)]

    assert got == [1, 1, 1, 0, 0]
    ResetRequest.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert len(ask("GRACE@example.com")) == 1


def test_a_client_that_asks_on_and_on_is_refused(grace):
    for number in range(resets.MOST_PER_CLIENT):
        ask(f"person{number}@example.com")

    with pytest.raises(TooManyResets):
        ask("grace@example.com")

    assert len(ask("grace@example.com", "10.0.0.2")) == 1


def test_the_table_names_no_address_and_is_emptied(grace):
    ask("grace@example.com")
    assert "grace" not in str(list(ResetRequest.objects.values())).lower()
    ResetRequest.objects.update(created_at=timezone.now() - timedelta(days=2))

    ask("other@example.com")

    assert ResetRequest.objects.count() == 1


def test_two_accounts_with_one_address_get_a_link_each(grace):
    factories.person("root", email="grace@example.com")

    letters = ask("grace@example.com")

    assert len({re.search(r"/reset/\S+", letter.body)[0] for letter in letters}) == 2
