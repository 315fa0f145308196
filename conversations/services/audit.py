"""The audit log: who did what, when, from where. Only ever added to.

`record` is called by the verbs themselves, in their transaction: a change and its entry are kept together or
not at all. Who acts comes from the request (`acting`): no verb has to hand it on. The engine is nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from conversations.models import AuditEntry, User

# Every action, and how the panel says it.
ACTIONS: dict[str, str] = {
    "sign_in.done": "Signed in",
    "sign_in.failed": "Sign-in failed",
    "sign_in.locked": "Sign-in locked after failures",
    "sign_in.ended": "Signed out",
    "sign_in.revoked": "Open sign-in ended",
    "key.added": "Gateway key added",
    "key.changed": "Gateway key changed",
    "key.secret_replaced": "Gateway key: secret replaced",
    "key.enabled": "Gateway key enabled",
    "key.disabled": "Gateway key disabled",
    "key.tested": "Gateway key tested",
    "key.synced": "Gateway key: models read",
    "key.reencrypted": "Gateway key re-encrypted",
    "key.deleted": "Gateway key deleted",
    "model.added": "Model added",
    "model.changed": "Model changed",
    "model.enabled": "Model enabled",
    "model.disabled": "Model disabled",
    "model.made_default": "Model made the default",
    "model.applied": "Proposed models applied",
    "model.dismissed": "Proposed models dismissed",
    "model.deleted": "Model deleted",
    "price.added": "Price added",
    "price.changed": "Price changed",
    "price.ended": "Price ended",
    "price.applied": "Proposed prices applied",
    "price.dismissed": "Proposed prices dismissed",
    "price.deleted": "Price deleted",
    "person.added": "Person added",
    "person.changed": "Person changed",
    "person.deactivated": "Person deactivated",
    "person.activated": "Person activated",
    "person.password_changed": "Password changed",
    "person.password_reset": "Password reset",
    "person.deleted": "Person deleted",
    "role.given": "Role given",
    "group.added": "Group added",
    "group.changed": "Group changed",
    "group.deleted": "Group deleted",
    "invite.made": "Invite made",
    "invite.used": "Invite used",
    "invite.revoked": "Invite revoked",
    "tools.changed": "Tools changed",
    "setting.changed": "Setting changed",
    "alert.closed": "Alert marked as done",
    "audit.exported": "Audit log exported",
    "usage.exported": "Usage exported",
}
Changes = Mapping[str, Any]

CHANGED = "changed"
_VALUE_LIMIT = 500
_NAME_LIMIT = 200
_CHANGES_LIMIT = 60
_SECRET_NAMES = re.compile(r"secret|password|passphrase|ciphertext|token|api_?key|credential", re.IGNORECASE)
# Names that hold one of those words and no secret: counts of tokens, prices of them.
_PLAIN_NAMES = re.compile(r"(^|_)tokens($|_)|token_(limit|count)|^last_four$", re.IGNORECASE)
# What keys look like wherever they stand: sk-…, and the Bearer header.
_SECRET_TEXTS = re.compile(r"\bsk-[\w-]{8,}|\bBearer\s+\S{8,}", re.IGNORECASE)
REMOVED = "[secret removed]"


@dataclass(frozen=True)
class Acting:
    """Who acts in this request: asked for late, since a sign-in changes it. `address` is theirs."""

    person: Callable[[], Any]
    address: str = ""


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(person: Callable[[], Any], *, address: str = "") -> Iterator[None]:
    """Name who acts, until the block ends."""
    before = _acting.set(Acting(person, address[:45]))
    try:
        yield
    finally:
        _acting.reset(before)


def record(
    action: str,
    *,
    subject: models.Model | None = None,
    kind: str = "",
    name: str = "",
    changes: Changes | None = None,
    actor: User | None = None,
    address: str | None = None,
) -> AuditEntry:
    """Add one entry: `action` (one of ACTIONS) was done to `subject`, or to what `kind` and `name` say.

    `changes` is {field: [before, after]}; a field that holds a secret becomes "changed", whatever it was.
    `actor` and `address` are those of the request where they are not given, and nobody's outside of one.
    """
    entry = _entry(action, subject, kind, name, changes, actor, address)
    entry.save()
    return entry


def record_many(action: str, changes: Mapping[Any, Changes], *, kind: str = "") -> None:
    """Add one entry for each subject in `changes`, as `record` does, in a few statements for hundreds."""
    entries = [_entry(action, subject, kind, "", told, None, None) for subject, told in changes.items()]
    AuditEntry.objects.bulk_create(entries, batch_size=100)


def _entry(
    action: str,
    subject: models.Model | None,
    kind: str,
    name: str,
    changes: Changes | None,
    actor: User | None,
    address: str | None,
) -> AuditEntry:
    now = _acting.get()
    who = actor if actor is not None else _person(now)
    where = address if address is not None else (now.address if now else "")
    return AuditEntry(
        actor_pk=who.pk if who else None,
        actor_name=who.get_username()[:150] if who else "",
        action=action,
        subject_kind=(kind or (str(subject._meta.verbose_name) if subject else ""))[:60],
        subject_pk=str(subject.pk)[:40] if subject and subject.pk is not None else "",
        subject_name=without_secrets(name or (str(subject) if subject else ""))[:_NAME_LIMIT],
        changes={_text(field, 100): _pair(field, value) for field, value in _some(changes)},
        address=where[:45],
    )


def record_once(
    action: str, *, every: timedelta, subject: models.Model | None = None, kind: str = "", name: str = ""
) -> AuditEntry | None:
    """Add an entry as `record` does, unless the same from the same address is younger than `every`."""
    now = _acting.get()
    same = AuditEntry.objects.filter(
        action=action,
        at__gt=timezone.now() - every,
        address=now.address if now else "",
        subject_name=(name or (str(subject) if subject else ""))[:_NAME_LIMIT],
    )
    return None if same.exists() else record(action, subject=subject, kind=kind, name=name)


def words_of(action: str) -> str:
    """Return how people read `action`; one that an older release knew is read as it stands."""
    return ACTIONS.get(action) or action.replace(".", ": ").replace("_", " ").capitalize()


def is_secret_name(field: str) -> bool:
    """Say whether a field of this name holds a secret."""
    return bool(_SECRET_NAMES.search(field)) and not _PLAIN_NAMES.search(field)


def without_secrets(text: str) -> str:
    """Return `text` without what looks like a gateway key."""
    return _SECRET_TEXTS.sub(REMOVED, text)


def _person(now: Acting | None) -> User | None:
    found = now.person() if now else None
    return found if found is not None and found.pk is not None else None


def _some(changes: Changes | None) -> list[tuple[str, Any]]:
    return list((changes or {}).items())[:_CHANGES_LIMIT]


def _pair(field: str, value: Any) -> Any:
    if is_secret_name(field):
        return CHANGED
    if isinstance(value, list | tuple) and len(value) == 2:
        return [_plain(value[0]), _plain(value[1])]
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return `value` as JSON may hold it: short, and without what looks like a secret."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        # A secret may stand deep inside, under its own name.
        value = {key: CHANGED if is_secret_name(str(key)) else _plain(item) for key, item in value.items()}
    elif isinstance(value, models.QuerySet | list | tuple | set | frozenset):
        value = ", ".join(str(_plain(item)) for item in value)
    return _text(value, _VALUE_LIMIT)


def _text(value: Any, limit: int) -> str:
    # NUL can be stored by SQLite and not by Postgres.
    text = without_secrets(str(value)).replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
