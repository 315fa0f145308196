"""Addresses, forms and small steps for the tests of the panel."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.http import HttpResponse

from conversations.models import GatewayKey, User
from tests import factories

SECRET = "sk-chainhub-panel-0123456789WXYZ"
KEYS = "/admin/conversations/gatewaykey/"
MODELS = "/admin/conversations/model/"
PEOPLE = "/admin/conversations/user/"
GROUPS = "/admin/auth/group/"
TOOLS = "/admin/tools/"


def typed(**fields: object) -> dict[str, object]:
    """The form of a key, as it stands when nobody has touched it."""
    return {"name": "Team", "base_url": factories.GATEWAY, "secret": "", "note": "", **fields}


def page_of(key: GatewayKey, name: str = "change") -> str:
    return f"{KEYS}{key.pk}/{name}/"


def granted(person: User, *codenames: str) -> User:
    """Make `person` staff with these rights and no others."""
    person.is_staff = True
    person.save()
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return person


def text_of(response: HttpResponse) -> str:
    return response.content.decode()
