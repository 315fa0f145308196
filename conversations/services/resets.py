"""A new password by mail, for who has forgotten theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from conversations.models import ResetRequest, User
from conversations.services import audit, mailing, sign_ins
from conversations.services.errors import Refused
from conversations.services.mailing import Letter

_WINDOW = timedelta(hours=1)
_KEPT = timedelta(days=1)
# Enough for a mail that got lost, too few to fill somebody's mailbox.
MOST_PER_ADDRESS = 3
# A team behind one address of the network may forget more than one password.
MOST_PER_CLIENT = 20

_TEXT = """Hello {name},

somebody, probably you, asked for a new password for your account "{username}" at {site}

Follow this link within {hours} hours and choose one. It works once:

{link}

If it was not you, leave this mail alone: your password stays as it is.
"""


class TooManyResets(Refused):
    """This client asked too often. It says nothing about any address."""

    def __init__(self) -> None:
        super().__init__("Too many mails were asked for from here. Try again in an hour.")


def ask(email: str, *, client: str, site: str) -> None:
    """Have a link mailed to whoever may sign in and has this mail address.

    The caller learns nothing of who that is, neither by words nor by the clock: a known address costs the
    same statements and the same hand-over to the thread in which links are made and sent. `client` is the
    asker's address on the network, `site` the address of the first page. Raises TooManyResets.
    """
    email = email.strip()
    is_within = _count(email, client)
    people = list(User.objects.filter(email__iexact=email, is_active=True).order_by("id")[:10])
    # A mailbox that got its three gets no fourth, and nobody is told.
    mailing.send_soon(partial(_letters, people if is_within else [], site))


@transaction.atomic
def _count(email: str, client: str) -> bool:
    """Write the request down, and tell whether its mail address had fewer than enough lately."""
    now = timezone.now()
    ResetRequest.objects.filter(created_at__lt=now - _KEPT).delete()
    lately = ResetRequest.objects.filter(created_at__gt=now - _WINDOW)
    if lately.filter(client=client).count() >= MOST_PER_CLIENT:
        raise TooManyResets
    # Casefolded as the look-up is: "Ada@" and "ada@" are one mailbox.
    address_hash = salted_hmac("reset-request", email.casefold(), algorithm="sha256").hexdigest()
    had = lately.filter(address_hash=address_hash).count()
    ResetRequest.objects.create(address_hash=address_hash, client=client[:45], created_at=now)
    return had < MOST_PER_ADDRESS


def _letters(people: list[User], site: str) -> Iterator[Letter]:
    for person in people:
        uid = urlsafe_base64_encode(force_bytes(person.pk))
        token = default_token_generator.make_token(person)
        link = reverse("new_password", args=[uid, token])
        text = _TEXT.format(
            name=person.shown_name,
            username=person.get_username(),
            site=site,
            hours=settings.PASSWORD_RESET_TIMEOUT // 3600,
            link=f"{site.rstrip('/')}{link}",
        )
        # To the address that is stored, not to the one that was typed: they may only look alike.
        yield Letter(person.email, "Choose a new password", text)


@transaction.atomic
def done(person: User) -> None:
    """A new password was set by a link: whoever was signed in with the old one is not any more."""
    sign_ins.end_all(person)
    audit.record("person.password_reset", subject=person, actor=person)


@transaction.atomic
def changed(person: User, *, session: SessionBase, key_before: str | None) -> None:
    """The person changed their password in `session`, which goes on under a new key; all others end."""
    sign_ins.renamed(session, before=key_before)
    sign_ins.end_all(person, but=session)
    audit.record("person.password_changed", subject=person, actor=person)
