"""What a conversation has cost."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from conversations.services import access, spending
from conversations.views import pages
from conversations.views.htmx import HtmxRequest


@require_safe
def cost(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """All branches, versions and titles of it, by model: to a member for their own conversations."""
    conversation = access.conversation_for(request.user, public_id)
    sums = spending.of_conversation(conversation)
    context = {"conversation": conversation, "by_model": sums[:-1], "total": sums[-1] if sums else None}
    return pages.page_or_part(request, "conversations/cost.html", context, part="_cost")
