"""Invites in the panel."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.utils import timezone

from conversations.models import AuditEntry, Invite
from conversations.services import invites, roles
from tests.admin.panel import text_of

INVITES = "/admin/invites/"


@pytest.fixture(autouse=True)
def four_roles(db):
    roles.ensure()


@pytest.fixture
def mail_server(settings):
    settings.EMAIL_URL = "smtp://mail.test"


def typed(**fields) -> dict[str, object]:
    return {"public_id": str(uuid.uuid4()), "role": "Member", "days": "7", "email": "", **fields}


def link_on(page) -> str:
    return re.search(r'value="http://testserver(/invite/[\w-]+/)"', text_of(page))[1]


def test_the_link_is_shown_once_and_works(staff_client):
    page = staff_client.post(INVITES, typed())

    path = link_on(page)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert "data-copy" in text_of(page)
    assert Client().get(path).status_code == 200
    assert "/invite/" not in text_of(staff_client.get(INVITES))
    assert mail.outbox == []


def test_with_an_address_it_is_mailed_too(staff_client, mail_server):
    page = staff_client.post(INVITES, typed(email="grace@example.com"))

    (letter,) = mail.outbox
    assert letter.to == ["grace@example.com"]
    assert f"http://testserver{link_on(page)}" in letter.body
    assert "It was mailed to grace@example.com." in text_of(page)


def test_where_the_mail_fails_the_link_is_shown_all_the_same(staff_client, mail_server, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    page = staff_client.post(INVITES, typed(email="grace@example.com"))

    assert link_on(page)
    assert "could not be sent" in text_of(page)


def test_without_a_mail_server_it_is_said(staff_client):
    assert "sends no mail" in text_of(staff_client.get(INVITES))

    page = staff_client.post(INVITES, typed(email="grace@example.com"))

    assert link_on(page)
    assert "It was not mailed" in text_of(page)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("days", "31"),
        ("days", "0"),
        ("days", "x"),
        ("role", "King"),
        ("role", ""),
        ("email", "no address"),
        ("public_id", "x"),
        ("groups", "99999"),
    ],
)
def test_what_can_t_be_is_refused(staff_client, field, value):
    Group.objects.create(name="Research")

    page = staff_client.post(INVITES, typed(**{field: value}))

    assert page.status_code == 422
    assert not Invite.objects.exists()


def test_the_same_form_again_makes_no_second_invite_and_the_next_does(staff_client):
    form = typed()
    staff_client.post(INVITES, form)

    again = staff_client.post(INVITES, form)

    assert again.status_code == 422
    assert "a moment ago" in text_of(again)
    assert Invite.objects.count() == 1
    fresh = re.search(r'name="public_id" value="([^"]+)"', text_of(again))[1]
    assert staff_client.post(INVITES, typed(public_id=fresh)).status_code == 200


def test_an_admin_invites_to_no_more_than_they_may_give(staff, ada, ada_client):
    roles.give(ada, "Admin", by=staff)

    page = ada_client.get(INVITES)
    assert 'value="Reviewer"' in text_of(page)
    assert 'value="Owner"' not in text_of(page)
    assert ada_client.post(INVITES, typed(role="Owner")).status_code == 422


def test_the_groups_are_those_of_the_team(staff_client):
    research = Group.objects.create(name="Research")

    page = staff_client.get(INVITES)
    assert list(page.context["form"].fields["groups"].queryset) == [research]
    staff_client.post(INVITES, typed(groups=[research.pk]))

    assert list(Invite.objects.get().groups.all()) == [research]


def test_the_list_says_what_became_of_each(staff, staff_client, bob):
    now = timezone.now()
    for email, fields in {
        "open@x.co": {},
        "used@x.co": {"used_at": now, "used_by": bob},
        "gone@x.co": {"revoked_at": now},
        "late@x.co": {"expires_at": now - timedelta(days=1)},
    }.items():
        made = invites.make(by=staff, public_id=uuid.uuid4(), role="Member", email=email, days=1)
        Invite.objects.filter(pk=made.invite.pk).update(**fields)

    page = staff_client.get(INVITES)

    states = {invite.email: state[1] for invite, state in page.context["rows"]}
    assert states == {
        "open@x.co": "Open",
        "used@x.co": "Used by bob",
        "gone@x.co": "Revoked",
        "late@x.co": "Ended",
    }
    assert text_of(page).count(">Revoke</button>") == 1


def test_a_revoked_link_opens_nothing(staff_client):
    path = link_on(staff_client.post(INVITES, typed(email="grace@example.com")))
    invite = Invite.objects.get()

    page = staff_client.post(f"{INVITES}{invite.public_id}/revoke/", follow=True)
    assert "grace@example.com is revoked" in text_of(page)
    assert Client().get(path).status_code == 404
    page = staff_client.post(f"{INVITES}{invite.public_id}/revoke/", follow=True)
    assert "was not open any more" in text_of(page)
    assert AuditEntry.objects.filter(action="invite.revoked").count() == 1
    assert staff_client.post(f"{INVITES}{uuid.uuid4()}/revoke/").status_code == 404


@pytest.mark.parametrize("role", ["Member", "Reviewer"])
def test_who_may_not_manage_people_finds_no_invites(staff, staff_client, ada, ada_client, role):
    staff_client.post(INVITES, typed())
    invite = Invite.objects.get()
    roles.give(ada, role, by=staff)

    for answer in (
        ada_client.get(INVITES),
        ada_client.post(INVITES, typed()),
        ada_client.post(f"{INVITES}{invite.public_id}/revoke/"),
    ):
        assert answer.status_code in (403, 404)
    assert Invite.objects.filter(revoked_at=None).count() == 1


@pytest.mark.parametrize("count", [1, 20])
def test_query_count_does_not_grow_with_the_list(staff, staff_client, count, django_assert_num_queries):
    group = Group.objects.create(name="Research")
    for _ in range(count):
        invites.make(by=staff, public_id=uuid.uuid4(), role="Member", groups=[group], days=1)
    staff_client.get(INVITES)

    with django_assert_num_queries(7):
        staff_client.get(INVITES)
