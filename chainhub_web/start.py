"""How `manage.py` starts: before `serve`, all that it needs is made in DATA_DIR."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from chainhub_web import env

_BASE_DIR = Path(__file__).resolve().parent.parent


def run(argv: list[str]) -> None:
    """Run one command. A fault in the settings is one line, not a traceback."""
    env.keep("DJANGO_SETTINGS_MODULE", "chainhub_web.settings")
    try:
        if argv[1:2] == ["serve"]:
            prepare_data_dir(Path(env.text("DATA_DIR", str(_BASE_DIR / "data"))))
        execute_from_command_line(argv)
    except ImproperlyConfigured as fault:
        sys.exit(f"Can't start: {fault}")
    except KeyboardInterrupt:
        sys.exit(130)


def prepare_data_dir(data_dir: Path) -> None:
    """Make DATA_DIR and the secrets that nobody gave, readable by this user alone.

    Raises ImproperlyConfigured where it can't be written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not env.text("SECRET_KEY", ""):
            _keep_secret(data_dir / "secret_key", secrets.token_urlsafe(50))
        if not env.text("ENCRYPTION_KEYS", ""):
            _keep_secret(data_dir / "encryption_keys", Fernet.generate_key().decode())
        probe = data_dir / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR={data_dir} can't be written: {error.strerror}") from error


def _keep_secret(path: Path, value: str) -> None:
    if path.exists() and path.stat().st_size:
        return
    # Made with its mode from the first moment, and named when it is whole: a full disk or a power cut
    # must leave no empty secret that the next start would take.
    half = path.with_name(f"{path.name}.half")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600, exist_ok=False)
    half.write_text(value + "\n", encoding="utf-8")
    half.replace(path)
