"""Open sign-ins of people: one row each, beside the session row that it stands for.

The session is the truth: a row without one is shown to nobody, and goes with the next sign-in of its person.
A session key never leaves this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from conversations.models import SignIn, User
from conversations.services import audit

# A page every few seconds must not be a write every few seconds.
SEEN_EVERY = timedelta(minutes=5)
# In the session, what it loads anyway: when it signed in, in seconds since 1970. Without it no row is kept.
_MARK = "signed_in_at"
_MOST_REMEMBERED = 10_000

# When this process last wrote that a session was seen, by its key.
_written: dict[str, datetime] = {}


@dataclass(frozen=True)
class OpenSignIn:
    """An open sign-in as its person sees it; `browser` is what the browser says of itself."""

    id: str
    browser: str
    address: str
    since: datetime
    seen_at: datetime
    is_this: bool


@transaction.atomic
def begin(session: SessionBase, person: User, *, address: str, browser: str) -> None:
    """Keep a row of the sign-in that `session` has just become. It is called right after Django's login."""
    now = timezone.now()
    _without_session(person).delete()
    session[_MARK] = int(now.timestamp())
    SignIn.objects.update_or_create(
        session_key=session.session_key or "",
        defaults={
            "person": person,
            "address": address[:45],
            "browser": browser[:300].replace("\x00", ""),
            "created_at": now,
            "seen_at": now,
        },
    )


def seen(session: SessionBase, *, address: str, now: datetime) -> None:
    """Note that a sign-in is in use, every few minutes; between, it costs no query."""
    key = session.session_key
    since = session.get(_MARK)
    if not key or not isinstance(since, int):
        return
    last = _written.get(key) or datetime.fromtimestamp(since, tz=now.tzinfo)
    if now - last < SEEN_EVERY:
        return
    if len(_written) >= _MOST_REMEMBERED:
        _written.clear()
    _written[key] = now
    # Conditional: of several processes that think it is time, one writes.
    SignIn.objects.filter(session_key=key, seen_at__lte=now - SEEN_EVERY).update(
        seen_at=now, address=address[:45]
    )


def renamed(session: SessionBase, *, before: str | None) -> None:
    """Follow a session whose key was just changed: Django does so with a new password."""
    SignIn.objects.filter(session_key=before or "").update(session_key=session.session_key or "")


def forget(session: SessionBase) -> None:
    """Drop the row of a session that is about to sign out."""
    SignIn.objects.filter(session_key=session.session_key or "").delete()


def open_of(person: User, *, this: SessionBase) -> list[OpenSignIn]:
    """Return the person's open sign-ins, this one first, then by when each was last seen."""
    rows = SignIn.objects.filter(person=person, session_key__in=_open_sessions().values("session_key"))
    found = [
        OpenSignIn(
            id=str(row.public_id),
            browser=row.browser,
            address=row.address,
            since=row.created_at,
            seen_at=row.seen_at,
            is_this=row.session_key == this.session_key,
        )
        for row in rows.order_by("-seen_at", "-id")
    ]
    return sorted(found, key=lambda sign_in: not sign_in.is_this)


def is_of(sign_in: SignIn, session: SessionBase) -> bool:
    return sign_in.session_key == session.session_key


@transaction.atomic
def end(sign_in: SignIn) -> None:
    """End one sign-in: its next request is nobody's, its open streams end with their next look."""
    Session.objects.filter(session_key=sign_in.session_key).delete()
    sign_in.delete()
    audit.record("sign_in.revoked", subject=sign_in.person)


@transaction.atomic
def end_all(person: User, *, but: SessionBase | None = None) -> int:
    """End all open sign-ins of `person`, but the one of `but`; return how many there were.

    Sessions without a row count too (older than the rows, or made by a command): they are read one by one.
    """
    kept = but.session_key if but else None
    of_others = SignIn.objects.exclude(person=person).values("session_key")
    candidates = Session.objects.exclude(session_key__in=of_others).exclude(session_key=kept or "")
    keys = [row.session_key for row in candidates.iterator() if _is_of(row, person)]
    ended = 0
    for start in range(0, len(keys), 500):
        ended += Session.objects.filter(session_key__in=keys[start : start + 500]).delete()[0]
    SignIn.objects.filter(person=person).exclude(session_key=kept or "").delete()
    return ended


def _is_of(row: Session, person: User) -> bool:
    return str(row.get_decoded().get(SESSION_KEY, "")) == str(person.pk)


def _open_sessions() -> QuerySet[Session]:
    found: QuerySet[Session] = Session.objects.filter(expire_date__gt=timezone.now())
    return found


def _without_session(person: User) -> QuerySet[SignIn]:
    return SignIn.objects.filter(person=person).exclude(
        session_key__in=_open_sessions().values("session_key")
    )
