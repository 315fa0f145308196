"""Mail: one letter to one person, and words for a server that is down."""

from __future__ import annotations

import pytest
from django.core import mail

from conversations.services import mailing
from conversations.services.errors import Refused
from conversations.services.mailing import Letter


@pytest.fixture
def mailed(settings):
    settings.EMAIL_URL = "smtp://mail.test"
    return mail.outbox


def test_a_letter_goes_to_one_person_from_the_site(mailed, settings):
    settings.DEFAULT_FROM_EMAIL = "chat@example.com"

    mailing.send("ada@example.com", "Hello\nBcc: eve@example.com", "Text.")

    (letter,) = mailed
    assert (letter.to, letter.bcc, letter.from_email) == (["ada@example.com"], [], "chat@example.com")
    assert letter.subject == "Hello Bcc: eve@example.com"
    assert letter.body == "Text."


def test_without_a_server_nothing_is_sent_and_it_is_said():
    with pytest.raises(Refused, match="sends no mail"):
        mailing.send("ada@example.com", "Hello", "Text.")

    assert mail.outbox == []


def test_a_server_that_is_down_is_a_sentence_and_a_line_that_quotes_nobody(settings, caplog):
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    with pytest.raises(Refused, match="could not be sent"):
        mailing.send("ada@example.com", "Hello", "the secret link")

    assert "A mail could not be sent: ConnectionRefusedError" in caplog.text
    assert "ada@" not in caplog.text
    assert "secret link" not in caplog.text


def test_one_letter_that_fails_holds_up_no_other(mailed, caplog):
    mailing.send_soon(lambda: [Letter("a@b\nc", "1", "x"), Letter("bob@example.com", "2", "y")])
    mailing.wait_for_the_line()

    assert [letter.subject for letter in mailed] == ["2"]
    assert "could not be sent" in caplog.text
