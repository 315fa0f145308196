"""The people of the site."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from conversations.models import Generation, Message, User
from conversations.services import audit, roles, sending, sign_ins
from conversations.services.errors import Refused

# No letters and digits that look alike: the password is read from a terminal once.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class FirstAdmin:
    """The admin that was just made. `password` is empty where it was given: then nobody needs to be told."""

    username: str
    password: str


@transaction.atomic
def make_first_admin(*, username: str, password: str) -> FirstAdmin | None:
    """Make the first admin, or nothing where there is one. Without a password one is made up.

    Raises Refused where the given password is too weak.
    """
    if roles.people_in(roles.RoleName.OWNER).exists():
        return None
    username = username or "admin"
    try:
        User._meta.get_field("username").clean(username, None)
    except ValidationError as error:
        raise Refused("ADMIN_USERNAME: " + " ".join(error.messages)) from error
    made_up = "" if password else "".join(secrets.choice(_ALPHABET) for _ in range(16))
    admin = User(username=username, is_staff=True, is_superuser=True)
    if password:
        try:
            validate_password(password, admin)
        except ValidationError as error:
            raise Refused("ADMIN_PASSWORD: " + " ".join(error.messages)) from error
    admin.set_password(password or made_up)
    admin.save()
    roles.give(admin, roles.RoleName.OWNER, by=None)
    audit.record("person.added", subject=admin)
    return FirstAdmin(username, made_up)


@transaction.atomic
def deactivate(person: User, *, by: User) -> bool:
    """Shut the door behind `person`, and return whether it was open. What they wrote stays, drafts too.

    Their open sign-ins end, and with them their open pages; their answers that wait or run are stopped, what
    came so far is kept. Raises Refused for oneself, for an account that `by` may not change, and for the last
    owner.
    """
    if person.pk == by.pk:
        raise Refused("This is your own account: you would lock yourself out. Ask another admin to do it.")
    if not roles.may_change(by, person):
        raise Refused("Only an owner may deactivate this person.")
    # Two owners who deactivate each other at once take turns, as in roles.give.
    list(Group.objects.select_for_update().filter(name=roles.RoleName.OWNER))
    roles.refuse_to_lose_the_last_owner(person)
    # First of all: a send that is on its way meets either this row, or the stop below. (accepting.in_turn)
    was_open = bool(User.objects.filter(pk=person.pk, is_active=True).update(is_active=False))
    sign_ins.end_all(person)
    for answer in _unfinished_of(person):
        sending.stop(answer)
    if was_open:
        person.is_active = False
        audit.record("person.deactivated", subject=person, actor=by)
    return was_open


@transaction.atomic
def activate(person: User, *, by: User) -> bool:
    """Let `person` sign in again, and return whether they could not. Raises Refused where `by` may not."""
    if not roles.may_change(by, person):
        raise Refused("Only an owner may activate this person.")
    was_shut = bool(User.objects.filter(pk=person.pk, is_active=False).update(is_active=True))
    if was_shut:
        person.is_active = True
        audit.record("person.activated", subject=person, actor=by)
    return was_shut


def _unfinished_of(person: User) -> list[Message]:
    unfinished = Generation.objects.filter(asked_by=person).unfinished()
    return list(Message.objects.filter(generations__in=unfinished).distinct().order_by("id"))
