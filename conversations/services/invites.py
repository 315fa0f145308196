"""Invites: links that each let one person make their account, once.

What a link carries is told once, when it was made; kept is its SHA-256. (The token is random and long: a slow
hash would protect nothing more.)
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.models import Invite, User
from conversations.services import audit, mailing, roles
from conversations.services.errors import Refused

MOST_DAYS = 30
_TOKEN_BYTES = 32

_TEXT = """Hello,

{maker} invites you to {site}

Follow this link and make your account. It works once, until {until} (UTC):

{link}
"""


class InviteGone(Refused):
    """The link is no invite, or not any more: used, ended, revoked, never made. Which of them is not told."""

    def __init__(self) -> None:
        super().__init__("This invite is no longer valid. Ask whoever sent it for a new one.")


@dataclass(frozen=True)
class Made:
    """An invite that was just made, and what its link carries: nobody can read that again."""

    invite: Invite
    token: str


def make(
    *, by: User, public_id: UUID, role: str, groups: Iterable[Group] = (), email: str = "", days: int
) -> Made:
    """Make an invite that ends in `days` (1 to 30). `public_id` comes from the form: posted twice, made once.

    Raises Refused for a role that `by` may not give, and where the form was posted before.
    """
    if role not in roles.gives(by):
        raise Refused("You may not give this role. Choose another.")
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"An invite ends after 1 to {MOST_DAYS} days.")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    try:
        with transaction.atomic():
            invite = Invite.objects.create(
                public_id=public_id,
                token_hash=_hash(token),
                email=email,
                role=role,
                made_by=by,
                expires_at=timezone.now() + timedelta(days=days),
            )
            invite.groups.set(groups)
            told = {"role": role, "groups": [group.name for group in groups], "days": days}
            audit.record("invite.made", subject=invite, actor=by, changes=told)
    except IntegrityError:
        raise Refused("This invite was made a moment ago; its link was shown then. Make another.") from None
    return Made(invite, token)


def mail(made: Made, *, by: User, site: str, link: str) -> None:
    """Send the link to the invite's mail address. Not inside a transaction. Raises Refused."""
    until = f"{made.invite.expires_at:%d %B %Y, %H:%M}"
    text = _TEXT.format(maker=by.shown_name, site=site, until=until, link=link)
    mailing.send(made.invite.email, "You are invited", text)


def open_invite(token: str, *, now: datetime) -> Invite:
    """Return the invite that `token` opens. Raises InviteGone."""
    invite = Invite.objects.open(now=now).filter(token_hash=_hash(token)).select_related("made_by").first()
    # Who was deactivated, or lost the right to give this role, invites nobody any more.
    if invite is None or invite.role not in roles.gives(invite.made_by):
        raise InviteGone
    return invite


def accept(token: str, person: User) -> User:
    """Store `person`, a new one with a password, as the invite says, and end the invite.

    Raises InviteGone: of two who follow one link at once, one gets it. Raises Refused where the username
    was taken a moment ago; then the invite is as open as before.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            invite = open_invite(token, now=now)
            # Whoever changes the row first has it.
            if not Invite.objects.open(now=now).filter(pk=invite.pk).update(used_at=now):
                raise InviteGone
            person.email = invite.email
            person.save()
            roles.give(person, invite.role, by=invite.made_by)
            person.groups.add(*invite.groups.filter(pk__in=roles.team_groups()))
            Invite.objects.filter(pk=invite.pk).update(used_by=person)
            audit.record("invite.used", subject=invite, actor=person)
    except IntegrityError:
        raise Refused("A person with that username already exists. Choose another.") from None
    return person


@transaction.atomic
def revoke(invite: Invite, *, by: User) -> bool:
    """End an open invite, and return whether it was one."""
    now = timezone.now()
    changed = Invite.objects.open(now=now).filter(pk=invite.pk).update(revoked_at=now)
    if changed:
        audit.record("invite.revoked", subject=invite, actor=by)
    return bool(changed)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
