"""`manage.py serve`: what `make run` starts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections
from gunicorn.app.base import BaseApplication

from chainhub_web import env, preparing, server
from conversations.services import keys


class _Site(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn, told what to do by us instead of by a command line."""

    def load_config(self) -> None:
        for name, value in server.options().items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from chainhub_web.wsgi import application  # noqa: PLC0415 - after the preparations, before the fork

        return application


class Command(BaseCommand):
    help = "Make what is missing (tables, static files, first admin), then serve the chat until Ctrl+C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        preparing.check_the_port()
        preparing.migrate()
        preparing.collect_static_files()
        keys.follow_environment()
        admin = preparing.first_admin(env.text("ADMIN_USERNAME", ""), env.text("ADMIN_PASSWORD", ""))
        connections.close_all()
        self.stdout.write(f"Chat: {'https' if settings.HTTPS else 'http'}://{settings.HOST}:{settings.PORT}/")
        if admin and admin.password:
            self.stdout.write(f"Username: {admin.username}")
            self.stdout.write(f"Password: {admin.password}")
            self.stdout.write("This password is shown once. Change it under Account.")
        self.stdout.flush()
        _Site().run()
