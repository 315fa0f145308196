"""Promise 5, and the start: no secret has a default, DEBUG stays here, each fault is one clear line."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from chainhub_web import env, start
from tests.site import ROOT

SERVE = [sys.executable, "manage.py", "serve"]
MIGRATE = [sys.executable, "manage.py", "migrate", "--noinput"]
GUNICORN = [
    *(sys.executable, "-m", "gunicorn"),
    *("--config", "chainhub_web/gunicorn_conf.py", "chainhub_web.wsgi"),
]
SECRET = "not a secret of any site, but fifty characters long, as one must be"
ENCRYPTION_KEY = Fernet.generate_key().decode()
GIVEN = {"SECRET_KEY": SECRET, "ENCRYPTION_KEYS": ENCRYPTION_KEY}
# Whatever goes wrong, neither a traceback nor one of these.
UNTOLD = (SECRET, ENCRYPTION_KEY, "hunter2", "Traceback")

# Name: command, variables, and what the one line says. {file} is a file, {port} a port in use.
FAULTS: dict[str, tuple[list[str], dict[str, str], str]] = {
    "a port in use": (SERVE, {"PORT": "{port}"}, "127.0.0.1:{port} can't be served: Address already in use"),
    "no such port": (SERVE, {"PORT": "70000"}, "PORT='70000': at most 65535"),
    "a data directory below a file": (SERVE, {"DATA_DIR": "{file}/data"},
        "DATA_DIR={file}/data can't be written"),
    "a data directory that is a file": (SERVE, {"DATA_DIR": "{file}"}, "DATA_DIR={file} can't be written"),
    "a weak password": (SERVE, {"ADMIN_PASSWORD": "hunter2"}, "ADMIN_PASSWORD: This password is too short"),
    "a misspelt flag": (SERVE, {"DEBUG": "yes"}, "DEBUG='yes': write true or false"),
    "DEBUG for everybody": (SERVE, {"DEBUG": "true", "HOST": "0.0.0.0"},
        "DEBUG=true serves this machine only"),
    "DEBUG by any name": (SERVE, {"DEBUG": "true", "ALLOWED_HOSTS": "*"},
        "DEBUG=true serves this machine only"),
    "DEBUG behind a proxy": (SERVE, {"DEBUG": "true", "TRUSTED_PROXIES": "10.0.0.1"},
        "DEBUG=true serves this"),
    "no such zone": (SERVE, {"TIME_ZONE": "Mars/Base"}, "TIME_ZONE='Mars/Base'"),
    "no such level": (SERVE, {"LOG_LEVEL": "loud"}, "LOG_LEVEL='loud': write one of"),
    "a broken encryption key": (SERVE, {"ENCRYPTION_KEYS": "hunter2"},
        "ENCRYPTION_KEYS: each must be 32 bytes"),
    "no encryption key": (SERVE, {"ENCRYPTION_KEYS": ","}, "ENCRYPTION_KEYS: each must be"),
    "a secret in a file that is none": (SERVE, {"SECRET_KEY_FILE": "{file}"},
        "SECRET_KEY_FILE={file}: this is no"),
    "a secret in a missing file": (SERVE, {"SECRET_KEY_FILE": "{file}x"},
        "SECRET_KEY_FILE={file}x: No such file"),
    "mail without a port": (SERVE, {"EMAIL_URL": "smtp://u:hunter2@h:x"}, "EMAIL_URL: write smtp"),
    "another database": (SERVE, {"DATABASE_URL": "mysql://u:hunter2@h/x"}, "DATABASE_URL: write sqlite"),
    "a gateway that is none": (
        SERVE, {"CHAINHUB_API_KEY": "sk-hunter2-hunter2", "CHAINHUB_BASE_URL": "ftp://x"},
        "CHAINHUB_BASE_URL:",
    ),
    "a key that is none": (SERVE, {"CHAINHUB_API_KEY": "hunter2\u00e9"}, "CHAINHUB_API_KEY:"),
    "the Procfile without secrets": (GUNICORN, {}, "SECRET_KEY is not set"),
    "the Procfile without SECRET_KEY": (GUNICORN, {"ENCRYPTION_KEYS": ENCRYPTION_KEY},
        "SECRET_KEY is not set"),
    "the Procfile without ENCRYPTION_KEYS": (GUNICORN, {"SECRET_KEY": SECRET}, "ENCRYPTION_KEYS is not set"),
    "the Procfile with an empty secret": (GUNICORN, GIVEN | {"SECRET_KEY": ""}, "SECRET_KEY is not set"),
    "the Procfile with DEBUG for everybody": (
        GUNICORN, GIVEN | {"DEBUG": "true", "HOST": "0.0.0.0"}, "DEBUG=true serves this machine only",
    ),
    "DEBUG gives no secret either": (GUNICORN, {"DEBUG": "true"}, "SECRET_KEY is not set"),
    "a command without secrets": (MIGRATE, {}, "SECRET_KEY is not set"),
    "a command without ENCRYPTION_KEYS": (MIGRATE, {"SECRET_KEY": SECRET}, "ENCRYPTION_KEYS is not set"),
}  # fmt: skip


def run(command: list[str], variables: dict[str, str], data_dir: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {"DATA_DIR": str(data_dir), "PORT": "0", "PRACTICE_GATEWAY": "false"} | variables
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_the_start_is_one_clear_line(name: str, tmp_path: Path) -> None:
    command, variables, said = FAULTS[name]
    (tmp_path / "file").write_bytes(b"\xff\xfe\x00")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = {"file": str(tmp_path / "file"), "port": str(taken.getsockname()[1])}
        filled = {key: value.format(**words) for key, value in variables.items()}
        result = run(command, filled, tmp_path / "data")

    told = (result.stdout + result.stderr).strip()
    assert result.returncode == 1
    assert told.startswith("Can't start: ")
    assert told.count("\n") == 0, told
    assert said.format(**words) in told
    for word in UNTOLD:
        assert word not in told


# --- The secrets that `make run` makes ----------------------------------------------------------------------


def test_secrets_are_made_readable_for_their_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    umask = os.umask(0)
    try:
        start.prepare_data_dir(tmp_path / "data")
    finally:
        os.umask(umask)

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    made = {path.name: path for path in (tmp_path / "data").iterdir()}
    assert set(made) == {"secret_key", "encryption_keys"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.values()} == {0o600}
    assert len(made["secret_key"].read_text().strip()) >= 50
    Fernet(made["encryption_keys"].read_text().strip())


def test_secrets_stay_as_they_are_and_differ_between_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)

    def made(folder: str) -> list[str]:
        start.prepare_data_dir(tmp_path / folder)
        return [(tmp_path / folder / name).read_text() for name in ("secret_key", "encryption_keys")]

    first = made("one")

    assert made("one") == first
    assert not set(first) & set(made("two"))


def test_an_empty_secret_that_a_power_cut_left_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    for name in ("secret_key", "encryption_keys", "secret_key.half"):
        (tmp_path / name).touch(mode=0o600)

    start.prepare_data_dir(tmp_path)

    assert (tmp_path / "secret_key").read_text().strip()
    Fernet((tmp_path / "encryption_keys").read_text().strip())
    assert not list(tmp_path.glob("*.half"))


def test_secrets_that_were_given_are_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)

    start.prepare_data_dir(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (tmp_path / "secret_key").write_text("\n")

    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        env.secret("SECRET_KEY", kept_in=tmp_path / "secret_key")


@pytest.mark.parametrize("value", ["yes", "1", "on", "TRUE ", "tru", ""])
def test_a_flag_is_true_or_false_and_nothing_else(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FLAG", value)

    with pytest.raises(ImproperlyConfigured, match="write true or false"):
        env.flag("SOME_FLAG", default=False)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "-1", "", "x", "1" * 40])
def test_a_number_is_within_its_bounds(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_NUMBER", value)

    with pytest.raises(ImproperlyConfigured, match="SOME_NUMBER="):
        env.number("SOME_NUMBER", default=1)
