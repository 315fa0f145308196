"""Checks that start Django, for `make check`: migrations are complete, the deployment settings are sound."""

from __future__ import annotations

import sys

import django
from cryptography.fernet import Fernet
from django.core.management import call_command

from chainhub_web import env


def main() -> None:
    # As under the Procfile: HTTPS, secrets from outside, no DEBUG.
    env.keep("SECRET_KEY", "only for this check: no site has ever been served with this secret key")
    env.keep("ENCRYPTION_KEYS", Fernet.generate_key().decode())
    env.keep("HTTPS", "true")
    env.keep("DATABASE_URL", "sqlite:///:memory:")
    env.keep("DJANGO_SETTINGS_MODULE", "chainhub_web.settings")
    django.setup()
    call_command("check", deploy=True, fail_level="WARNING")
    call_command("makemigrations", check=True, dry_run=True)


if __name__ == "__main__":
    sys.exit(main())
