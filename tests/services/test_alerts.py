"""What admins are told: one open row per topic, few writes, and mail that never gets in the way."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Alert, AuditEntry, User
from conversations.services import alerts, audit, roles
from conversations.services.roles import RoleName
from tests import factories

NOW = timezone.now()


@pytest.fixture
def mailing_site(settings: pytest.FixtureRequest) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def grace(db: None) -> User:
    person = factories.person("grace", email="grace@example.com")
    roles.give(person, RoleName.ADMIN, by=None)
    return person


def test_the_same_is_one_open_row_that_counts(db: None) -> None:
    for number in range(100):
        alerts.tell("no_key:gpt-4o", f"No key serves gpt-4o. ({number})")
    alerts.tell("no_key:o3", "No key serves o3.")
    alerts.count_the_rest()

    assert dict(Alert.objects.values_list("topic", "times")) == {"no_key:gpt-4o": 100, "no_key:o3": 1}


def test_a_hundred_at_once_are_few_writes(db: None) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(100):
            alerts.tell("no_key", "No key is left.")
        alerts.count_the_rest()

    writes = [query for query in queries.captured_queries if query["sql"].startswith(("INSERT", "UPDATE"))]
    assert len(writes) == 2
    assert Alert.objects.get().times == 100


def test_the_next_one_after_some_seconds_is_written_with_those_before(db: None) -> None:
    for _ in range(4):
        alerts.tell("no_key", "No key is left.")
    Alert.objects.update(last_at=timezone.now() - timedelta(minutes=1))

    alerts.tell("no_key", "Still no key is left.")

    alert = Alert.objects.get()
    assert (alert.times, alert.text) == (5, "Still no key is left.")


def test_a_closed_topic_opens_anew(db: None) -> None:
    alerts.tell("no_key", "No key is left.")
    alerts.close("no_key")
    alerts.close("never told")
    assert not alerts.open_alerts().exists()

    alerts.tell("no_key", "No key is left.")

    assert [alert.times for alert in alerts.open_alerts()] == [1]
    assert Alert.objects.count() == 2


def test_two_that_tell_at_once_make_one(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # The other one comes between the look and the write.
    real = Alert.objects.create

    def create(**fields: object) -> Alert:
        real(**fields)
        return real(**fields)

    monkeypatch.setattr(Alert.objects, "create", create)

    alerts.tell("no_key", "No key is left.")

    monkeypatch.undo()
    alerts.tell("no_key", "No key is left.")
    assert Alert.objects.filter(topic="no_key", closed_at=None).count() == 1


def test_no_secret_is_told(db: None) -> None:
    alerts.tell(f"t {factories.SECRET}", f"The key {factories.SECRET} was refused. " + "x" * 900)

    alert = Alert.objects.get()
    assert factories.SECRET not in alert.topic + alert.text
    assert audit.REMOVED in alert.text
    assert len(alert.text) == 500


# --- Mail ----------------------------------------------------------------------------------------------


def test_who_runs_the_panel_is_mailed_when_it_opens_and_once_a_day(
    mailing_site: None, grace: User, staff: User, ada: User
) -> None:
    User.objects.filter(username="ada").update(email="ada@example.com")
    User.objects.filter(username="staff").update(email="staff@example.com")
    gone = factories.person("gone", email="gone@example.com", is_superuser=True)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    alerts.tell("no_key", "No key is left.")

    assert alerts.send_mail(NOW) == 2
    assert sorted(letter.to[0] for letter in mail.outbox) == ["grace@example.com", "staff@example.com"]
    assert "- No key is left." in mail.outbox[0].body

    assert alerts.send_mail(NOW + timedelta(hours=23)) == 0
    assert alerts.send_mail(NOW + timedelta(hours=24)) == 2
    alerts.close("no_key")
    assert alerts.send_mail(NOW + timedelta(days=9)) == 0


def test_what_opens_together_is_one_letter(mailing_site: None, grace: User) -> None:
    alerts.tell("a", "First.")
    alerts.tell("b", "Second.")

    assert alerts.send_mail(NOW) == 1
    assert "- First.\n- Second." in mail.outbox[0].body


def test_a_mail_server_that_is_down_is_tried_again(
    mailing_site: None, grace: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alerts.tell("no_key", "No key is left.")
    with monkeypatch.context() as down:
        down.setattr(
            "django.core.mail.backends.locmem.EmailBackend.send_messages",
            lambda *args: (_ for _ in ()).throw(smtplib.SMTPServerDisconnected("down")),
        )
        assert alerts.send_mail(NOW) == 0
    assert "could not be" in caplog.text
    assert "grace@example.com" not in caplog.text

    assert alerts.send_mail(NOW + timedelta(minutes=1)) == 1


def test_without_a_mail_server_or_an_address_nothing_is_tried(
    grace: User, settings: pytest.FixtureRequest
) -> None:
    alerts.tell("no_key", "No key is left.")
    assert alerts.send_mail(NOW) == 0

    settings.EMAIL_URL = "smtp://localhost:25"
    User.objects.update(email="")

    assert alerts.send_mail(NOW) == 0
    assert Alert.objects.get().mailed_at is None


def test_two_engines_send_one_letter(mailing_site: None, grace: User) -> None:
    alerts.tell("no_key", "No key is left.")
    alerts.send_mail(NOW)

    assert alerts.send_mail(NOW) == 0
    assert len(mail.outbox) == 1


def test_done_is_in_the_audit_log_once(db: None) -> None:
    alerts.tell("no_key", "No key is left.")
    alert = Alert.objects.get()

    assert alerts.done(alert)
    assert not alerts.done(alert)

    assert AuditEntry.objects.get(action="alert.closed").subject_name == "No key is left."
