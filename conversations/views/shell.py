"""What every full page shows around its content. Lazy: a fragment that needs none of it asks nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from conversations.models import Conversation
from conversations.services import assistants, catalog, roles, searching, temporary
from conversations.tools import offering


def shell(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.path.startswith("/admin/"):
        return {}
    return {
        "may": roles.May(user),
        "sidebar": SimpleLazyObject(lambda: searching.sidebar(user)),
        "models_offered": SimpleLazyObject(lambda: catalog.offered_models(user)),
        "tools_offered": SimpleLazyObject(lambda: offering.offered_to(user)),
        "assistants_offered": SimpleLazyObject(lambda: assistants.for_chooser(user)),
        "practice": SimpleLazyObject(catalog.is_practice),
        "temporary_allowed": SimpleLazyObject(temporary.are_allowed),
        "deleted": SimpleLazyObject(lambda: _just_deleted(request)),
    }


def _just_deleted(request: HttpRequest) -> Conversation | None:
    """Return what was deleted without a script a moment ago, for its undo; once."""
    public_id = request.session.pop("deleted", None)
    if public_id is None:
        return None
    return (
        Conversation.objects.filter(owner=request.user.pk, public_id=public_id)
        .exclude(deleted_at=None)
        .first()
    )
