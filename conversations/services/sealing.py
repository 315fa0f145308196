"""Encryption at rest: under the first of ENCRYPTION_KEYS, read with any of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Sealed:
    """A ciphertext, and which encryption key made it: tells at once what is wrong when that key is lost."""

    ciphertext: str
    fingerprint: str


class NotAmongTheKeys(Exception):
    """The encryption key of this fingerprint is not among ENCRYPTION_KEYS."""


class Damaged(Exception):
    """The encryption key is there, and does not open it."""


def seal(values: dict[str, str]) -> Sealed:
    """Encrypt `values` under the newest encryption key."""
    fernet_key = settings.ENCRYPTION_KEYS[0]
    return Sealed(_fernet(fernet_key).encrypt(json.dumps(values).encode()).decode(), fingerprint(fernet_key))


def unseal(sealed: Sealed) -> dict[str, str]:
    """Return what was sealed. Raises NotAmongTheKeys or Damaged."""
    by_fingerprint = {fingerprint(fernet_key): fernet_key for fernet_key in settings.ENCRYPTION_KEYS}
    fernet_key = by_fingerprint.get(sealed.fingerprint)
    if fernet_key is None:
        raise NotAmongTheKeys
    try:
        values: dict[str, str] = json.loads(_fernet(fernet_key).decrypt(sealed.ciphertext))
    except InvalidToken:
        raise Damaged from None
    return values


def newest() -> str:
    """Return the fingerprint of the encryption key that seals now."""
    return fingerprint(settings.ENCRYPTION_KEYS[0])


def fingerprint(fernet_key: str) -> str:
    return hashlib.sha256(fernet_key.encode()).hexdigest()[:16]


def _fernet(fernet_key: str) -> Fernet:
    try:
        return Fernet(fernet_key)
    except ValueError:
        # Its text would not help; the value must not be told.
        raise ImproperlyConfigured(
            "ENCRYPTION_KEYS: each must be 32 bytes in URL-safe base64, as `make run` makes it"
        ) from None
