"""What stands in the database after every migration, whatever it held before."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction

from conversations.services import append_only, roles, tool_settings


def ensure(using: str = "default") -> None:
    """Mend the four roles, and put the lock on the audit log back."""
    append_only.ensure(using)
    with transaction.atomic():
        _make_room()
        roles.ensure()


def _make_room() -> None:
    """Rename teams that were called like a role before there were roles: nobody becomes an admin by that."""
    if Group.objects.filter(permissions__codename="manage_roles").exists():
        return
    for group in Group.objects.filter(name__in=roles.RoleName, permissions=None):
        name = f"{group.name} (team)"
        while Group.objects.filter(name=name).exists():
            name += "'"
        tool_settings.rename_group(group.name, name)
        Group.objects.filter(pk=group.pk).update(name=name)
