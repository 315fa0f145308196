"""Settings under test: the real ones, with made-up secrets and a database per run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from chainhub_web import env

DATA = Path(tempfile.mkdtemp(prefix="chat-tests-"))
env.keep("SECRET_KEY", "made up for tests, fifty characters long, and never used elsewhere")
env.keep("ENCRYPTION_KEYS", Fernet.generate_key().decode())
env.keep("DATA_DIR", str(DATA))

from chainhub_web.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = DATA / "static"
STATIC_ROOT.mkdir()
GATEWAY_RETRY_SCALE = 0
PRACTICE_GATEWAY = False
if DATABASES["default"]["ENGINE"] == "chainhub_web.sqlite":  # noqa: F405
    # A file, not memory: threads that share an in-memory database get "table is locked".
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}  # noqa: F405
