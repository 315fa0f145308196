"""What a person does with answers side by side: ask more models, choose one, stop them, look again."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.forms.comparing import CompareForm
from conversations.models import Role
from conversations.services import access, comparing, turns
from conversations.services.errors import Refused
from conversations.views import pages
from conversations.views.htmx import HtmxRequest, fragment
from conversations.views.messages import branch


@require_safe
def comparison(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """The answers side by side once more, whichever was chosen."""
    found = access.comparison_for(request.user, public_id)
    beside = turns.side_by_side(found, viewer=request.user)
    if beside.comparison is None:
        # All but one were deleted.
        return redirect(beside.conversation)
    context = pages.context_of(beside, compared=found) | {"composer": None}
    return pages.page_or_part(request, "conversations/comparison.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def compare_with(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Ask the question of an answer to more models; GET: which ones."""
    answer = access.message_for(request.user, public_id, role=Role.ASSISTANT)
    if request.method != "POST":
        context = {"answer": answer, "conversation": answer.conversation, "most": comparing.MOST - 1}
        return pages.page_or_part(request, "conversations/compare_with.html", context, part="_compare_with")
    form = CompareForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("A send id is missing.", content_type="text/plain")
    try:
        turn = comparing.compare_with(answer, author=request.user, **form.asked)
    except Refused as refusal:
        return branch(request, answer.conversation, refusal=str(refusal))
    return branch(request, turn.conversation)


@require_POST
def choose(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Go on with one of them."""
    answer = access.message_for(request.user, public_id, role=Role.ASSISTANT)
    try:
        return branch(request, comparing.choose(answer))
    except Refused as refusal:
        return branch(request, answer.conversation, refusal=str(refusal))


@fragment
@require_POST
def stop(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Ask for the end of all of them. The stream tells when they have ended."""
    found = access.comparison_for(request.user, public_id)
    comparing.stop(found)
    if not request.htmx:
        return redirect(found.question.conversation)
    return HttpResponse(status=204)
