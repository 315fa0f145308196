"""What `manage.py serve` makes before it serves: the tables, the static files, the first admin."""

from __future__ import annotations

import fcntl
import hashlib
import socket
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from conversations.services import people
from conversations.services.errors import Refused

_STAMP = ".made-of"
_LOCK = ".staticfiles.lock"


def check_the_port() -> None:
    """Raise ImproperlyConfigured where HOST:PORT can't be served, before anything is started."""
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As gunicorn binds: a port whose last user has just gone counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            where = f"{settings.HOST}:{settings.PORT}"
            raise ImproperlyConfigured(
                f"{where} can't be served: {error.strerror}. Set PORT to another one."
            ) from error


def migrate() -> None:
    """Bring the tables up to date. Where they are, this is one look."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        raise ImproperlyConfigured(f"The database can't be opened: {error}".strip()) from error


def collect_static_files() -> None:
    """Compress and hash the static files, unless they are those of the last time."""
    root = Path(settings.STATIC_ROOT)
    stamp, now = root / _STAMP, _fingerprint()
    if settings.DEBUG or _is_made_of(stamp, now):
        return
    try:
        # Two that start at once from one checkout: the second waits, and finds it done.
        with (root.parent / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_made_of(stamp, now):
                return
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
            stamp.write_text(now)
    except OSError as error:
        raise ImproperlyConfigured(f"{settings.STATIC_ROOT} can't be written: {error.strerror}") from error


def first_admin(username: str, password: str) -> people.FirstAdmin | None:
    """Make the first admin where there is none yet. Raises ImproperlyConfigured for a weak password."""
    try:
        return people.make_first_admin(username=username, password=password)
    except Refused as refusal:
        raise ImproperlyConfigured(str(refusal)) from refusal


def _is_made_of(stamp: Path, now: str) -> bool:
    return stamp.is_file() and stamp.read_text() == now


def _fingerprint() -> str:
    """Return what the static files are made of: names, sizes and times of ours, the version of Django's."""
    digest = hashlib.sha256()
    for folder in settings.STATICFILES_DIRS:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                seen = path.stat()
                digest.update(f"{path}:{seen.st_size}:{seen.st_mtime_ns}\n".encode())
    for app in apps.get_app_configs():
        digest.update(f"{app.name}:{getattr(app.module, '__version__', '')}:{app.path}\n".encode())
    return digest.hexdigest()
