"""Addresses, forms and small steps for the tests of the panel."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
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
    untouched = {
        **{"name": "Team", "base_url": factories.GATEWAY, "secret": "", "note": ""},
        **{"is_enabled": "on", "priority": "100", "weight": "1", "only_models": "", "price_group": "default"},
        **{"valid_from": "", "valid_until": "", "cap_per_day": "", "cap_per_month": ""},
    }
    return untouched | fields


def page_of(key: GatewayKey, name: str = "change") -> str:
    return f"{KEYS}{key.pk}/{name}/"


def granted(person: User, *codenames: str) -> User:
    """Let `person` into the panel with these permissions and no others: no role has so few."""
    rights, _ = Group.objects.get_or_create(name=f"What {person} may")
    rights.permissions.set(Permission.objects.filter(codename__in=("use_panel", *codenames)))
    rights.user_set.add(person)
    return person


def text_of(response: HttpResponse) -> str:
    return response.content.decode()
