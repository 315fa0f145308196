"""The environment: the only place that reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
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
    value = os.environ.get(name, default)
    if value is _REQUIRED:
        raise ImproperlyConfigured(f"{name} is not set")
    return str(value)


def flag(name: str, *, default: bool) -> bool:
    value = text(name, "true" if default else "false").lower()
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name}={value!r}: write true or false")
    return value == "true"


def number(name: str, *, default: float, minimum: float = 0) -> float:
    value = text(name, str(default))
    try:
        result = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number") from None
    if not minimum <= result < float("inf"):
        raise ImproperlyConfigured(f"{name}={value!r}: at least {minimum:g} is needed")
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
    given = text(name, "")
    if given:
        return given
    if kept_in.is_file():
        return kept_in.read_text(encoding="utf-8").strip()
    raise ImproperlyConfigured(
        f"{name} is not set. Give it as a variable (or {name}_FILE); `make run` makes one by itself."
    )


def database(url: str) -> dict[str, Any]:
    """Return Django's description of the database at `url`."""
    if urlsplit(url).scheme not in ("sqlite", "postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL: write sqlite:///… or postgres://…")
    return dict(environ.Env.db_url_config(url))


def email(url: str) -> dict[str, Any]:
    """Return Django's EMAIL_… settings for `url`, for example smtp+tls://name:password@host:587."""
    return dict(environ.Env.email_url_config(url))


def keep(name: str, value: str) -> None:
    """Set a variable for this process and those that it starts."""
    os.environ.setdefault(name, value)
