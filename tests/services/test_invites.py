"""Invites: told once, followed once, gone for one reason that nobody can tell from another."""

from __future__ import annotations

import hashlib
import threading
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from conversations.models import AuditEntry, Invite, User
from conversations.services import invites, people, roles
from conversations.services.errors import Refused
from conversations.services.invites import InviteGone
from conversations.services.roles import RoleName
from tests import factories


@pytest.fixture
def owner(db):
    roles.ensure()
    return factories.person("owner", is_superuser=True)


@pytest.fixture
def admin(owner):
    made = factories.person("the-admin")
    roles.give(made, RoleName.ADMIN, by=owner)
    return made


def made(by: User, role: str = RoleName.MEMBER, **fields) -> invites.Made:
    return invites.make(by=by, role=role, **{"public_id": uuid.uuid4(), "days": 7} | fields)


def newcomer(username: str = "grace") -> User:
    person = User(username=username)
    person.set_password("compile-the-9")
    return person


def test_only_the_hash_of_a_long_token_is_kept(owner):
    told = made(owner)

    row = Invite.objects.get()
    assert len(told.token) >= 43  # 32 bytes in base64
    assert row.token_hash == hashlib.sha256(told.token.encode()).hexdigest()
    values = [
        str(value)
        for table in (Invite, AuditEntry)
        for row in table.objects.values()
        for value in row.values()
    ]
    assert not any(told.token in value for value in values)


def test_who_follows_it_gets_the_role_the_groups_and_the_address(owner):
    group = Group.objects.create(name="Research")
    told = made(owner, RoleName.REVIEWER, groups=[group], email="grace@example.com")

    grace = invites.accept(told.token, newcomer())

    grace = User.objects.get(pk=grace.pk)
    assert roles.role_of(grace) == RoleName.REVIEWER
    assert group in grace.groups.all()
    assert grace.email == "grace@example.com"
    invite = Invite.objects.get()
    assert (invite.used_by, bool(invite.used_at)) == (grace, True)
    assert list(AuditEntry.objects.filter(action__startswith="invite").values_list("action", flat=True)) == [
        "invite.made",
        "invite.used",
    ]


def test_it_works_once(owner):
    told = made(owner)
    invites.accept(told.token, newcomer())

    with pytest.raises(InviteGone):
        invites.accept(told.token, newcomer("hopper"))

    assert not User.objects.filter(username="hopper").exists()


def test_two_who_follow_it_at_once_make_one_account(transactional_db):
    roles.ensure()
    told = made(factories.person("owner", is_superuser=True))
    start, results = threading.Barrier(2), []

    def follow(username: str) -> None:
        person = newcomer(username)
        start.wait()
        try:
            invites.accept(told.token, person)
            results.append("in")
        except InviteGone:
            results.append("gone")
        finally:
            connection.close()

    threads = [threading.Thread(target=follow, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(results) == ["gone", "in"]
    assert User.objects.filter(username__in=["one", "two"]).count() == 1


def test_a_username_that_was_taken_a_moment_ago_leaves_the_invite_open(owner):
    told = made(owner)

    with pytest.raises(Refused, match="already exists"):
        invites.accept(told.token, newcomer("owner"))

    assert invites.accept(told.token, newcomer()).pk


@pytest.mark.parametrize(
    "why", ["used", "expired", "revoked", "unknown", "maker is gone", "maker lost the right"]
)
def test_whatever_ended_it_the_words_are_the_same(owner, admin, why):
    told = made(admin)
    if why == "used":
        invites.accept(told.token, newcomer("first"))
    elif why == "expired":
        Invite.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif why == "revoked":
        assert invites.revoke(told.invite, by=owner)
    elif why == "maker is gone":
        people.deactivate(admin, by=owner)
    elif why == "maker lost the right":
        roles.give(admin, RoleName.MEMBER, by=owner)
    token = "x" * 43 if why == "unknown" else told.token

    with pytest.raises(InviteGone) as gone:
        invites.accept(token, newcomer())

    assert str(gone.value) == str(InviteGone())
    assert not User.objects.filter(username="grace").exists()


def test_nobody_invites_to_a_role_that_they_may_not_give(owner, admin, ada):
    for by, role in (
        (admin, RoleName.OWNER),
        (admin, RoleName.ADMIN),
        (ada, RoleName.MEMBER),
        (owner, "King"),
    ):
        with pytest.raises(Refused, match="may not give"):
            made(by, role)

    assert not Invite.objects.exists()


@pytest.mark.parametrize("days", [0, 31, -1])
def test_an_invite_ends_within_thirty_days(owner, days):
    with pytest.raises(Refused, match="1 to 30"):
        made(owner, days=days)


def test_a_form_that_is_posted_twice_makes_one_invite(owner):
    public_id = uuid.uuid4()
    made(owner, public_id=public_id)

    with pytest.raises(Refused, match="a moment ago"):
        made(owner, public_id=public_id)

    assert Invite.objects.count() == 1


def test_what_is_not_open_can_t_be_revoked(owner):
    told = made(owner)

    assert invites.revoke(told.invite, by=owner)
    assert not invites.revoke(told.invite, by=owner)
    assert AuditEntry.objects.filter(action="invite.revoked").count() == 1
