"""Gateway keys: their secrets at rest, the key of the environment, the practice gateway's row.

A secret is encrypted together with the origin (scheme, host, port) that it was put in for. Whoever
changes the address of a key, by whatever way, does not get its secret sent to the new place.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from conversations.chainhub.addresses import UnusableBaseUrl, normalise_base_url
from conversations.models import GatewayKey, KeyCooldown, KeySource
from conversations.services import audit, sealing, wakeups
from conversations.services.errors import Refused
from conversations.services.sealing import Sealed

ENVIRONMENT_NAME = "Environment"
PRACTICE_NAME = "Practice gateway"
# Its address is known at run time only: services.gateway.set_practice_address.
PRACTICE_BASE_URL = "practice:"
VARIABLE_GONE = "variable_gone"
SECRET_LIMIT = 2_000


class KeyUnreadable(Refused):
    """A stored secret can't be used. The sentence says exactly why."""


# --- Secrets ---------------------------------------------------------------------------------------


def clean_secret(secret: str) -> str:
    """Return `secret` without the line ends that copying adds; all else in it is opaque to us.

    Raises Refused where it is empty, or holds what no HTTP header can carry.
    """
    secret = secret.strip("\r\n")
    if not secret.strip():
        raise Refused("Enter the key's secret.")
    if len(secret) > SECRET_LIMIT:
        raise Refused(f"A secret has at most {SECRET_LIMIT} characters.")
    if not (secret.isascii() and secret.isprintable()):
        raise Refused(
            "The secret holds a character that can't be sent (a line break, or one that is not ASCII). "
            "Copy it again, in full."
        )
    return secret


def put_secret(key: GatewayKey, secret: str) -> None:
    """Encrypt `secret` into `key`, bound to the origin of its address. The caller saves. Raises Refused."""
    secret = clean_secret(secret)
    sealed = sealing.seal({"origin": origin_of(key.base_url), "secret": secret})
    key.ciphertext, key.encryption_key_fingerprint = sealed.ciphertext, sealed.fingerprint
    # The end of a short secret would be most of it.
    key.last_four = secret[-4:] if len(secret) >= 16 else ""
    key.balance, key.balance_at = "", None
    _forget_what_was_said(key)


def secret_of(key: GatewayKey) -> str:
    """Return the secret of `key`. Raises KeyUnreadable with the reason."""
    if not key.ciphertext:
        raise KeyUnreadable(f"The key “{key.name}” has no secret. Enter it in the admin panel.")
    sealed = _unseal(key)
    if sealed["origin"] != origin_of(key.base_url):
        raise KeyUnreadable(
            f"The secret of “{key.name}” was put in for {sealed['origin']}; its address was changed since. "
            "Enter the secret again."
        )
    return sealed["secret"]


def secret_or_nothing(key: GatewayKey | None) -> str:
    """Return the secret that must be kept out of what is stored and shown; "" where none went out."""
    try:
        return secret_of(key) if key else ""
    except KeyUnreadable:
        return ""


def needs_secret_again(key: GatewayKey, *, base_url: str) -> bool:
    """Say whether `key` has no secret that may be sent to `base_url`."""
    if not key.ciphertext:
        return True
    try:
        return _unseal(key)["origin"] != origin_of(base_url)
    except KeyUnreadable:
        return True


def clean_base_url(text: str) -> str:
    """Return the gateway's root from whatever form of its address a person typed. Raises Refused."""
    try:
        return normalise_base_url(text)
    except UnusableBaseUrl as fault:
        raise Refused(str(fault)) from None


def origin_of(base_url: str) -> str:
    """Return scheme, host and port, the port always written out."""
    parts = urlsplit(base_url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname or ''}:{port}"


def seal_anew(key: GatewayKey) -> bool:
    """Encrypt the secret of `key` under the newest encryption key; False if it was replaced meanwhile.

    Raises KeyUnreadable.
    """
    sealed = sealing.seal(_unseal(key))
    with transaction.atomic():
        won = GatewayKey.objects.filter(pk=key.pk, ciphertext=key.ciphertext).update(
            ciphertext=sealed.ciphertext, encryption_key_fingerprint=sealed.fingerprint
        )
        if won:
            audit.record("key.reencrypted", subject=key)
    return bool(won)


def _unseal(key: GatewayKey) -> dict[str, str]:
    try:
        return sealing.unseal(Sealed(key.ciphertext, key.encryption_key_fingerprint))
    except sealing.NotAmongTheKeys:
        raise KeyUnreadable(
            f"The secret of “{key.name}” can't be read: the encryption key that it was stored with "
            f"(fingerprint {key.encryption_key_fingerprint}) is not among ENCRYPTION_KEYS. "
            "Put that encryption key back, or enter the secret again."
        ) from None
    except sealing.Damaged:
        raise KeyUnreadable(f"The stored secret of “{key.name}” is damaged. Enter it again.") from None


# --- Switching -------------------------------------------------------------------------------------


@transaction.atomic
def enable(key: GatewayKey) -> None:
    """Let calls go through `key`, and have its models read anew. Raises KeyUnreadable."""
    if key.source != KeySource.PRACTICE:
        secret_of(key)
    changed = GatewayKey.objects.filter(pk=key.pk, is_enabled=False).update(is_enabled=True)
    GatewayKey.objects.filter(pk=key.pk).update(synced_at=None)
    KeyCooldown.objects.filter(key=key).delete()
    key.refresh_from_db()
    if changed and key.source != KeySource.PRACTICE:
        audit.record("key.enabled", subject=key)
    wakeups.wake_on_commit(wakeups.SYNC)


@transaction.atomic
def disable(key: GatewayKey) -> None:
    """Let no further call go through `key`. What runs goes on."""
    if GatewayKey.objects.filter(pk=key.pk, is_enabled=True).update(is_enabled=False):
        audit.record("key.disabled", subject=key)
    key.is_enabled = False
    # Without it the practice gateway may have to answer: its models have to be read.
    wakeups.wake_on_commit(wakeups.SYNC)


@transaction.atomic
def store(key: GatewayKey, *, only: Collection[str] | None = None) -> None:
    """Save `key` (its fields `only`, where given) and let it begin anew: nothing is held against it.

    Its models will be read anew, unless `only` says that neither its secret nor its address has changed.
    """
    _forget_what_was_said(key)
    fields = {*only, "problem_kind", "problem_text", "problem_at", "updated_at"} if only is not None else None
    if fields is None or fields & {"ciphertext", "base_url", "only_models"}:
        key.synced_at, key.takes_next_list = None, True
        fields = fields | {"synced_at", "takes_next_list"} if fields is not None else None
    key.save(update_fields=fields)
    KeyCooldown.objects.filter(key=key).delete()
    wakeups.wake_on_commit(wakeups.SYNC)


def _forget_what_was_said(key: GatewayKey) -> None:
    key.problem_kind = key.problem_text = ""
    key.problem_at = None


# --- Keys that nobody typed in ---------------------------------------------------------------------


@transaction.atomic
def follow_environment() -> GatewayKey | None:
    """Make, change or disable the key of CHAINHUB_API_KEY and CHAINHUB_BASE_URL, as they say.

    Where the variable is gone, the row stays (calls point at it), disabled and without its secret; when the
    variable comes back, so does the key. Whether an admin has disabled it is not touched otherwise. May run
    in several processes at once. Raises ImproperlyConfigured where a variable can't be used.
    """
    key = _of_source(KeySource.ENVIRONMENT)
    if not settings.CHAINHUB_API_KEY:
        if key is not None and key.ciphertext:
            _retire_environment(key)
        return None
    try:
        base_url = clean_base_url(settings.CHAINHUB_BASE_URL)
    except Refused as refusal:
        raise ImproperlyConfigured(f"CHAINHUB_BASE_URL: {refusal}") from None
    try:
        secret = clean_secret(settings.CHAINHUB_API_KEY)
    except Refused as refusal:
        raise ImproperlyConfigured(f"CHAINHUB_API_KEY: {refusal}") from None

    if key is None:
        # unique(name) decides between two processes that start at once: one makes it, the other gets it.
        key, _ = GatewayKey.objects.get_or_create(
            name=_free_name(ENVIRONMENT_NAME),
            defaults={"source": KeySource.ENVIRONMENT, "base_url": base_url},
        )
    if key.base_url == base_url and secret_or_nothing(key) == secret:
        return key
    if key.problem_kind == VARIABLE_GONE:
        key.is_enabled = True
    key.base_url = base_url
    put_secret(key, secret)
    store(key)
    return key


def _retire_environment(key: GatewayKey) -> None:
    if key.is_enabled:
        key.problem_kind = VARIABLE_GONE
        key.problem_text = (
            "CHAINHUB_API_KEY is not set any more: the key was disabled and its secret removed."
        )
    key.is_enabled = False
    key.ciphertext = key.encryption_key_fingerprint = key.last_four = ""
    key.save()
    wakeups.wake_on_commit(wakeups.SYNC)


@transaction.atomic
def ensure_practice_key() -> GatewayKey:
    """Return the practice gateway's row, made where missing. It counts while no other key is enabled."""
    key = _of_source(KeySource.PRACTICE)
    if key is None:
        key, _ = GatewayKey.objects.get_or_create(
            name=_free_name(PRACTICE_NAME),
            defaults={"source": KeySource.PRACTICE, "base_url": PRACTICE_BASE_URL},
        )
    if not key.is_enabled:
        enable(key)
    return key


def retire_practice_key() -> None:
    """Have nobody answered by the practice gateway (PRACTICE_GATEWAY=false)."""
    GatewayKey.objects.filter(source=KeySource.PRACTICE, is_enabled=True).update(is_enabled=False)


def _of_source(source: KeySource) -> GatewayKey | None:
    return GatewayKey.objects.select_for_update().filter(source=source).order_by("id").first()


def _free_name(name: str) -> str:
    """Return `name`, or with a number where an admin's key has it."""
    taken = set(
        GatewayKey.objects.filter(source=KeySource.ADMIN, name__startswith=name).values_list(
            "name", flat=True
        )
    )
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free
