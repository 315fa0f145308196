"""A person decides about tool calls."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from conversations.services import access, approving
from conversations.services.approving import Decision
from conversations.services.errors import Refused
from conversations.views.htmx import HtmxRequest, fragment


@fragment
@require_POST
def decide(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Allow or deny a call that waits. The stream shows what becomes of it."""
    call = access.tool_call_for(request.user, public_id)
    if request.POST.get("decision") not in Decision.values:
        return HttpResponseBadRequest("There is no such decision.", content_type="text/plain")
    try:
        approving.decide(call, person=request.user, decision=Decision(request.POST["decision"]))
    except Refused as refusal:
        if request.htmx:
            return HttpResponse(str(refusal), status=409, content_type="text/plain")
        messages.error(request, str(refusal))
    if request.htmx:
        return HttpResponse(status=204)
    return redirect(call.generation.message.conversation)
