"""What a person does with a conversation as a whole, and the list of them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.forms.conversations import SettingsForm, TitleForm
from conversations.models import Conversation
from conversations.services import access, catalog, marks, organising, searching, temporary, titles
from conversations.services.errors import Refused
from conversations.views import pages
from conversations.views.htmx import HtmxRequest, fragment


@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    form = TitleForm(request.POST or None, initial={"title": conversation.title})
    status = 200
    if request.method == "POST":
        if form.is_valid():
            titles.rename(conversation, title=form.cleaned_data["title"])
            if not request.htmx:
                return redirect(conversation)
            renamed = {"conversation": marks.marked(conversation)}
            return render(request, "conversations/partials/_renamed.html", renamed)
        status = 422
    context = {"conversation": conversation, "form": form}
    return pages.page_or_part(request, "conversations/rename.html", context, part="_rename", status=status)


@require_POST
def delete(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Put a conversation away, and offer to undo it."""
    conversation = access.conversation_for(request.user, public_id)
    organising.delete(conversation)
    if not request.htmx:
        request.session["deleted"] = str(conversation.public_id)
        return redirect("conversations:index")
    return render(request, "conversations/partials/_undo.html", {"conversation": conversation})


@require_POST
def restore(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.deleted_conversation_for(request.user, public_id)
    organising.restore(conversation)
    if not request.htmx:
        messages.success(request, "The conversation is back.")
        return redirect(conversation)
    return HttpResponse(status=204)


@require_POST
def keep(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """Make a temporary conversation one that stays."""
    conversation = access.conversation_for(request.user, public_id)
    temporary.keep(conversation)
    if not request.htmx:
        return redirect(conversation)
    return render(request, "conversations/partials/_temporary.html", {"conversation": conversation})


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    conversation = access.conversation_for(request.user, public_id)
    form = _settings_form(request, conversation)
    saved = False
    if request.method == "POST" and form.is_valid():
        try:
            values = {"reasoning_effort": "", **form.cleaned_data}
            organising.change_settings(conversation, model_name=values.pop("model"), **values)
            saved = True
        except Refused as refusal:
            form.add_error(None, str(refusal))
    if saved and not request.htmx:
        return redirect(conversation)
    context = {"conversation": conversation, "form": form, "saved": saved}
    status = 422 if form.is_bound and not saved else 200
    return pages.page_or_part(
        request, "conversations/settings.html", context, part="_settings", status=status
    )


@fragment
@require_safe
def sidebar(request: HtmxRequest) -> HttpResponse:
    """A piece of the list: older ones, or what the search box asks for."""
    page = searching.sidebar(
        request.user, query=request.GET.get("q", "")[:200], before=request.GET.get("before", "")[:100]
    )
    return render(request, "conversations/partials/_sidebar_rows.html", {"sidebar": page})


@require_safe
def search(request: HtmxRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:200]
    number = request.GET.get("page", "1")
    # Four digits at most: Python refuses to read a number of thousands of them.
    page = max(1, min(int(number[:4]), 1000)) if number.isascii() and number.isdigit() else 1
    results, more = searching.hits(request.user, query=query, page=page) if query else ([], False)
    following = request.GET.copy()
    following["page"] = str(page + 1)
    context = {"query": query, "results": results, "next_url": f"?{following.urlencode()}" if more else None}
    return pages.page_or_part(request, "conversations/search.html", context, part="_search")


def _settings_form(request: HtmxRequest, conversation: Conversation) -> SettingsForm:
    model = conversation.model or catalog.default_model(request.user)
    initial = {**conversation.parameters, "model": model.name if model else ""}
    data = request.POST if request.method == "POST" else None
    return SettingsForm(data, initial=initial, offered=catalog.offered_models(request.user), chosen=model)
