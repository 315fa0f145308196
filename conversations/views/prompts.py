"""A person's prompts, those that are shared with them, and what the composer asks of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.forms.library import PromptForm
from conversations.models import Prompt
from conversations.services import access, library, prompts
from conversations.services.errors import Refused
from conversations.views import shelves
from conversations.views.htmx import HtmxRequest, fragment


@require_safe
def index(request: HtmxRequest) -> HttpResponse:
    return render(request, "conversations/prompts.html", shelves.listing(request, Prompt))


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HtmxRequest) -> HttpResponse:
    return _form(request, Prompt(owner=request.user), reverse("conversations:new_prompt"))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    prompt = access.own_prompt_for(request.user, public_id)
    return _form(request, prompt, reverse("conversations:edit_prompt", args=[public_id]))


@require_POST
def delete(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Put a prompt away, and offer to undo it."""
    library.delete(access.own_prompt_for(request.user, public_id))
    return redirect(shelves.with_undo("conversations:prompts", public_id))


@require_POST
def restore(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    prompt = access.own_prompt_for(request.user, public_id, is_deleted=True)
    return shelves.restored(request, prompt, "conversations:prompts")


@require_POST
def copy(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Make a shared prompt one's own, to be changed."""
    prompt = access.prompt_for(request.user, public_id)
    try:
        own = prompts.copy(prompt, person=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("conversations:prompts")
    return redirect("conversations:edit_prompt", own.public_id)


@fragment
@require_safe
def choose(request: HtmxRequest) -> HttpResponse:
    """What the composer offers after a slash."""
    found, has_more = prompts.to_choose_from(request.user, request.GET.get("q", "")[:60])
    context = {"prompts": found, "has_more": has_more}
    return render(request, "conversations/partials/_prompt_choices.html", context)


@fragment
@require_safe
def use(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """A prompt's text, with a field for each of its variables."""
    prompt = access.prompt_for(request.user, public_id)
    context = {"prompt": prompt, "filling": prompts.filling_of(prompt.text)}
    return render(request, "conversations/partials/_prompt_use.html", context)


def _form(request: HtmxRequest, prompt: Prompt, action: str) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = PromptForm(data, row=prompt, groups=library.groups_for(request.user, prompt))
    if form.is_valid():
        values: dict[str, Any] = form.cleaned_data
        groups = values.pop("groups")
        for name, value in values.items():
            setattr(prompt, name, value)
        try:
            library.store(prompt, groups=groups)
            messages.success(request, f"“{prompt}” is kept.")
            return redirect("conversations:prompts")
        except Refused as refusal:
            form.add_error(None, str(refusal))
    context = {"form": form, "prompt": prompt, "action": action}
    return render(request, "conversations/prompt_form.html", context, status=422 if form.is_bound else 200)
