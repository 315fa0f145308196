"""What is being typed, kept on the server as it comes."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods

from conversations.forms.drafts import DraftForm
from conversations.models import Conversation, Draft
from conversations.services import access, drafts, pending_sends
from conversations.services.errors import Refused
from conversations.views import composing
from conversations.views.htmx import HtmxRequest, fragment


@fragment
@require_http_methods(["GET", "HEAD", "POST"])
def new_draft(request: HtmxRequest) -> HttpResponseBase:
    """The draft of the empty page."""
    return _draft(request, None)


@fragment
@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: HtmxRequest, public_id: UUID) -> HttpResponseBase:
    """The draft of a conversation."""
    return _draft(request, access.conversation_for(request.user, public_id))


def _draft(request: HtmxRequest, conversation: Conversation | None) -> HttpResponseBase:
    """GET: the draft as JSON. POST: keep it; 204, or the JSON where another tab's text is beside it."""
    if request.method != "POST":
        return _whole(drafts.of(request.user, conversation))
    if pending_sends.names_another(request.user, request.POST.get("author", "")):
        return HttpResponse("Somebody else has signed in.", status=409, content_type="text/plain")
    form = DraftForm(request.POST)
    if not form.is_valid():
        return _refuse(str(next(iter(form.errors.values()))[0]))
    try:
        saved = drafts.save(request.user, conversation, **form.cleaned_data)
    except Refused as refusal:
        return _refuse(str(refusal))
    if saved and saved.other_text:
        return _whole(saved)
    response = HttpResponse(status=204)
    response["Draft-Revision"] = str(saved.revision if saved else 0)
    return response


def _whole(draft: Draft | None) -> JsonResponse:
    nobody = {"key": "", "name": ""}
    if draft is None:
        return JsonResponse({"revision": 0, "text": "", "other": "", "attachments": "", "once": nobody})
    attachments = {"attachments": drafts.attachments_of(draft)}
    once = composing.once_of(draft.owner, draft.ask_once)
    return JsonResponse(
        {
            "revision": draft.revision,
            "text": draft.text,
            "other": draft.other_text,
            "model": draft.model_name,
            "once": {"key": once.key, "name": once.name} if once else nobody,
            "attachments": render_to_string("conversations/partials/_drafts.html", attachments),
        }
    )


def _refuse(sentence: str) -> HttpResponse:
    return HttpResponse(sentence, status=422, content_type="text/plain; charset=utf-8")
