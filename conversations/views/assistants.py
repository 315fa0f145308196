"""A person's assistants, those that are shared with them, and whom the composer offers to ask once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.forms.library import AssistantForm
from conversations.models import Assistant, Model
from conversations.services import access, assistants, library
from conversations.services.errors import Refused
from conversations.tools import offering
from conversations.views import shelves
from conversations.views.htmx import HtmxRequest, fragment


@require_safe
def index(request: HtmxRequest) -> HttpResponse:
    return render(request, "conversations/assistants.html", shelves.listing(request, Assistant))


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HtmxRequest) -> HttpResponse:
    return _form(request, Assistant(owner=request.user), reverse("conversations:new_assistant"))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    assistant = access.own_assistant_for(request.user, public_id)
    return _form(request, assistant, reverse("conversations:edit_assistant", args=[public_id]))


@require_safe
def about(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """What an assistant is told, for whoever may use it."""
    assistant = access.assistant_for(request.user, public_id)
    opening = assistants.opening_of(assistant, request.user)
    return render(request, "conversations/assistant.html", {"assistant": assistant, "opening": opening})


@require_POST
def delete(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Put an assistant away, and offer to undo it. What was begun with it goes on as it was."""
    library.delete(access.own_assistant_for(request.user, public_id))
    return redirect(shelves.with_undo("conversations:assistants", public_id))


@require_POST
def restore(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    assistant = access.own_assistant_for(request.user, public_id, is_deleted=True)
    return shelves.restored(request, assistant, "conversations:assistants")


@fragment
@require_safe
def mentions(request: HtmxRequest) -> HttpResponse:
    """What the composer offers after an at-sign."""
    found, has_more = assistants.mentionable(request.user, request.GET.get("q", "")[:60])
    context = {"mentions": found, "has_more": has_more}
    return render(request, "conversations/partials/_mentions.html", context)


def _form(request: HtmxRequest, assistant: Assistant, action: str) -> HttpResponse:
    offered = list(Model.objects.offered_to(request.user))
    form = AssistantForm(
        request.POST if request.method == "POST" else None,
        row=assistant,
        groups=library.groups_for(request.user, assistant),
        offered=offered,
        tools=[tool.name for tool in offering.offered_to(request.user)],
    )
    if form.is_valid():
        values: dict[str, Any] = {"tools": [], **form.cleaned_data}
        groups, name = values.pop("groups"), values.pop("model")
        known = {model.name: model for model in [assistant.model, *offered] if model}
        assistant.model = known.get(name)
        for field, value in values.items():
            setattr(assistant, field, value)
        try:
            library.store(assistant, groups=groups)
            messages.success(request, f"“{assistant}” is kept.")
            return redirect("conversations:assistants")
        except Refused as refusal:
            form.add_error(None, str(refusal))
    context = {"form": form, "assistant": assistant, "action": action}
    return render(request, "conversations/assistant_form.html", context, status=422 if form.is_bound else 200)
