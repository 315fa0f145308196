"""Django's admin, with the product's own site and pages."""

from __future__ import annotations

from importlib import import_module

from django.contrib.admin.apps import AdminConfig


class PanelConfig(AdminConfig):
    default_site = "conversations.admin.site.Panel"

    def ready(self) -> None:
        super().ready()
        # Django's discovery imports this package, not what is in it; and at that time no model is loaded yet.
        for page in ("gateway", "models_page", "people", "groups", "prices"):
            import_module(f"conversations.admin.{page}")
