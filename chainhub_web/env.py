"""The environment: the only place that reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

_REQUIRED = object()


def text(name: str, default: str | object = _REQUIRED) -> str:
    """Return the variable `name`, or the content of the file that `name`_FILE points at.

    Raises ImproperlyConfigured where neither is set and there is no default, or the file can't be read.
    """
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={path}: {error.strerror}") from error
        except UnicodeDecodeError:
            # Its text would quote the file.
            raise ImproperlyConfigured(f"{name}_FILE={path}: this is no text in UTF-8") from None
    value = os.environ.get(name, default)
    if value is _REQUIRED:
        raise ImproperlyConfigured(f"{name} is not set")
    return str(value)


def flag(name: str, *, default: bool) -> bool:
    value = text(name, "true" if default else "false").lower()
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name}={value!r}: write true or false")
    return value == "true"


def number(name: str, *, default: float, minimum: float = 0, maximum: float = 1e15) -> float:
    value = text(name, str(default))
    try:
        result = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number") from None
    if not result >= minimum:
        raise ImproperlyConfigured(f"{name}={value!r}: at least {minimum:g} is needed")
    if result > maximum:
        raise ImproperlyConfigured(f"{name}={value!r}: at most {maximum:g} is possible")
    return result


def words(name: str, default: str = "") -> list[str]:
    """Return the comma-separated words of the variable `name`, without empty ones."""
    return [word for word in (part.strip() for part in text(name, default).split(",")) if word]


def choice(name: str, *, default: str, choices: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: write one of {', '.join(choices)}")
    return value


def secret(name: str, *, kept_in: Path) -> str:
    """Return the secret `name`: the variable, or the file that `make run` made in DATA_DIR."""
    if given := text(name, "") or _kept(kept_in):
        return given
    raise ImproperlyConfigured(
        f"{name} is not set. Give it as a variable (or {name}_FILE); `make run` makes one by itself."
    )


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise ImproperlyConfigured(f"{path} can't be read: {error.strerror}") from error


def encryption_keys(name: str, *, kept_in: Path) -> list[str]:
    """Return the Fernet keys, newest first. The value of a malformed one is not told."""
    keys = secret(name, kept_in=kept_in).replace(",", " ").split()
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        keys = []
    if not keys:
        raise ImproperlyConfigured(
            f"{name}: each must be 32 bytes in URL-safe base64, as `make run` makes it"
        ) from None
    return keys


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # an unknown name; "../x"; a folder of zones
        raise ImproperlyConfigured(f"{name}={value!r}: write a name like Europe/Paris, or UTC") from None
    return value


def database(url: str) -> dict[str, Any]:
    """Return Django's description of the database at `url`."""
    if urlsplit(url).scheme not in ("sqlite", "postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL: write sqlite:///… or postgres://…")
    return dict(environ.Env.db_url_config(url))


def email(url: str) -> dict[str, Any]:
    """Return Django's EMAIL_… settings for `url`, for example smtp+tls://name:password@host:587."""
    try:
        return dict(environ.Env.email_url_config(url))
    except ValueError:
        # Its text would quote the password.
        raise ImproperlyConfigured("EMAIL_URL: write smtp+tls://name:password@host:587") from None


def sender(url: str) -> str:
    """Return the address that mail through the server at `url` comes from, where nobody named one."""
    parts = urlsplit(url)
    name = unquote(parts.username or "")
    return name if "@" in name else f"chat@{parts.hostname or 'localhost'}"


def keep(name: str, value: str) -> None:
    """Set a variable for this process and those that it starts."""
    os.environ.setdefault(name, value)
