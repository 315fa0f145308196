"""Invites in the panel: made, listed, revoked. A link is shown once, right after it was made."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from conversations.admin.pages import say
from conversations.forms.invites import InviteForm
from conversations.models import Invite
from conversations.services import invites, mailing, roles
from conversations.services.errors import Refused

SUBJECT = "Invites"
_PER_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def invites_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the invites, or make one and show its link."""
    form = _form(request, request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return _page(request, context, form)
    if not form.is_valid():
        return _page(request, context, form, status=422)
    person: Any = request.user
    try:
        made = invites.make(by=person, **{"groups": (), **form.cleaned_data})
    except Refused as refusal:
        # The same id again would be refused for ever: the next try counts anew.
        typed = request.POST.copy()
        typed["public_id"] = str(uuid4())
        form = _form(request, typed)
        form.add_error(None, str(refusal))
        return _page(request, context, form, status=422)
    link = request.build_absolute_uri(reverse("join", args=[made.token]))
    context = {**context, "link": link, "made": made.invite, "mail": _mailed(request, made, link)}
    response = _page(request, context, _form(request, None))
    response["Cache-Control"] = "no-store, private"
    return response


@require_POST
def revoke(request: HttpRequest, context: dict[str, Any], public_id: UUID) -> HttpResponse:
    invite = Invite.objects.filter(public_id=public_id).first()
    if invite is None:
        raise Http404
    person: Any = request.user
    name = f"The invite for {invite.email}" if invite.email else "The invite"
    if invites.revoke(invite, by=person):
        say(request, messages.SUCCESS, f"{name} is revoked: its link opens nothing any more.")
    else:
        say(request, messages.WARNING, f"{name} was not open any more. Nothing was changed.")
    return redirect("admin:invites")


def _form(request: HttpRequest, typed: QueryDict | None) -> InviteForm:
    return InviteForm(
        typed,
        roles=roles.gives(request.user),
        groups=roles.team_groups(),
        may_mail=mailing.is_possible(),
    )


def _mailed(request: HttpRequest, made: invites.Made, link: str) -> str:
    """Mail the link where it has an address, and say what became of it. It waits for the mail server."""
    if not made.invite.email:
        return ""
    if not mailing.is_possible():
        return "It was not mailed: this site sends no mail."
    person: Any = request.user
    try:
        invites.mail(made, by=person, site=request.build_absolute_uri("/"), link=link)
    except Refused as refusal:
        return f"{refusal} The invite stands: hand its link on yourself."
    return f"It was mailed to {made.invite.email}."


def _page(
    request: HttpRequest, context: dict[str, Any], form: InviteForm, *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    rows = Invite.objects.select_related("made_by", "used_by").prefetch_related("groups")
    page = Paginator(rows.order_by("-created_at", "-id"), _PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **context,
        "title": SUBJECT,
        "subject": SUBJECT,
        "form": form,
        "page": page,
        "rows": [(invite, _state(invite, now=now)) for invite in page],
    }
    return render(request, "admin/conversations/invites.html", context, status=status)


def _state(invite: Invite, *, now: Any) -> tuple[str, str]:
    """Return how the state of an invite looks, and the word for it."""
    if invite.used_at:
        return "good", f"Used by {invite.used_by}" if invite.used_by else "Used"
    if invite.revoked_at:
        return "off", "Revoked"
    if invite.expires_at <= now:
        return "off", "Ended"
    return "busy", "Open"
