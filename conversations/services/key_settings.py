"""What admins set of a gateway key: stored, and written into the audit log. Secrets stay out of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from conversations.models import GatewayKey, KeyModel, Tariff
from conversations.services import audit, keys
from conversations.services.errors import Refused

NANO = 9
CREDITS = "credits"
ONLY_MODELS_LIMIT = 500
_NAME_LIMIT = 200
_FIELDS = (
    "name",
    "base_url",
    "note",
    "price_group",
    "only_models",
    "priority",
    "weight",
    "valid_from",
    "valid_until",
    "cap_per_day",
    "cap_per_month",
)
# What a new secret changes.
_SEALED = ("ciphertext", "encryption_key_fingerprint", "last_four", "balance", "balance_at")
_UNUSABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufffd]")


@transaction.atomic
def add(key: GatewayKey, *, secret: str, groups: Iterable[Group] = ()) -> None:
    """Store a new key with its secret. Raises Refused where the secret can't be one."""
    keys.put_secret(key, secret)
    keys.store(key)
    key.groups.set(groups)
    told = _told(key)
    audit.record("key.added", subject=key, changes={name: ["", told[name]] for name in told if told[name]})


@transaction.atomic
def change(
    key: GatewayKey, *, changed: Collection[str], secret: str = "", groups: Iterable[Group] | None = None
) -> None:
    """Store the fields of `key` that an admin has `changed`, and a new `secret` and `groups` where given.

    Not the whole row: the engine may have written to it since the page was opened. Saving clears cool-downs.
    Raises KeyUnreadable where the key is to be enabled and its secret can't be read.
    """
    before = _told(GatewayKey.objects.get(pk=key.pk))
    fields = {name for name in _FIELDS if name in changed}
    if secret:
        keys.put_secret(key, secret)
        fields |= {*_SEALED}
    keys.store(key, only=fields)
    if groups is not None:
        key.groups.set(groups)
    if "only_models" in fields:
        _remove_what_it_may_not_serve(key)
    after = _told(key)
    if differing := {name: [before[name], after[name]] for name in after if before[name] != after[name]}:
        audit.record("key.changed", subject=key, changes=differing)
    if secret:
        audit.record("key.secret_replaced", subject=key)
    if "is_enabled" in changed:
        (keys.enable if key.is_enabled else keys.disable)(key)


@transaction.atomic
def remove(key: GatewayKey) -> None:
    """Delete `key` with its secret. The record of its calls stays, with its name."""
    audit.record("key.deleted", subject=key)
    key.delete()


def clean_only_models(text: str) -> list[str]:
    """Return the names in `text`, one a line, each once. Raises Refused for what no model is called."""
    names = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(names) > ONLY_MODELS_LIMIT:
        raise Refused(f"At most {ONLY_MODELS_LIMIT} names. Use * to name many at once, for example gpt-4o*.")
    for name in names:
        if len(name) > _NAME_LIMIT or _UNUSABLE.search(name):
            shown = name if len(name) <= 40 else f"{name[:40]}…"
            raise Refused(f"“{shown}” is no model's name. Write one name on each line, without spaces.")
    return names


def not_listed(key: GatewayKey) -> list[str]:
    """Return those of the names that `key` is limited to which fit nothing that it serves now."""
    served = list(key.models.values_list("name", flat=True))
    alone = ((name, GatewayKey(only_models=[name])) for name in key.only_models)
    return [name for name, limited in alone if not any(map(limited.allows, served))]


def currency_at(base_url: str) -> str:
    """Return the currency that prices at `base_url` are in, or "credits"."""
    found = Tariff.objects.filter(base_url=base_url).values_list("currency", flat=True).first()
    return found or CREDITS


def in_units(nano: int | None) -> str:
    """Write nano-units as a plain decimal: 2500000000 is "2.5". Nothing for None."""
    if nano is None:
        return ""
    text = f"{Decimal(nano).scaleb(-NANO):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _remove_what_it_may_not_serve(key: GatewayKey) -> None:
    """Take away at once what the next reading of the list would take away, which may not get through."""
    served = key.key_models.values_list("id", "model__name")
    forbidden = [pk for pk, name in served if not key.allows(name)]
    for start in range(0, len(forbidden), 500):
        KeyModel.objects.filter(pk__in=forbidden[start : start + 500]).delete()


def _told(key: GatewayKey) -> dict[str, Any]:
    """Return what the audit log tells of `key`, as a person would read it."""
    told: dict[str, Any] = {name: getattr(key, name) for name in _FIELDS}
    told["only_models"] = ", ".join(key.only_models)
    for name in ("cap_per_day", "cap_per_month"):
        told[name] = in_units(told[name])
    told["groups"] = ", ".join(key.groups.order_by("name", "id").values_list("name", flat=True))
    return told
