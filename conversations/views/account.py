"""A person's own page: names, mail address, time zone, theme, password, open sign-ins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.account import AccountForm, PasswordAlone, ThemeForm
from conversations.models import User
from conversations.services import access, resets, sign_ins
from conversations.views import pages
from conversations.views.htmx import HtmxRequest


class _PasswordForm(PasswordAlone, PasswordChangeForm):
    """Django's own, without taking the focus of a page that is about more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HtmxRequest) -> HttpResponse:
    saved = request.POST.get("save") if request.method == "POST" else None
    # A refused form must not change what the page says of the person: it works on a row of its own.
    person = User.objects.get(pk=request.user.pk)
    form = AccountForm(request.POST if saved == "account" else None, instance=person)
    password_form = _PasswordForm(request.user, request.POST if saved == "password" else None)
    if saved == "account" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("conversations:account")
    if saved == "password" and password_form.is_valid():
        key_before = request.session.session_key
        password_form.save()
        # Every other sign-in of this person has just ended; this one goes on.
        update_session_auth_hash(request, request.user)
        resets.changed(request.user, session=request.session, key_before=key_before)
        messages.success(request, "Your password was changed. You are signed out everywhere else.")
        return redirect("conversations:account")
    context: dict[str, object] = {
        "form": form,
        "password_form": password_form,
        "sign_ins": sign_ins.open_of(request.user, this=request.session),
    }
    status = 422 if form.is_bound or password_form.is_bound else 200
    return pages.page_or_part(request, "conversations/account.html", context, part="_account", status=status)


@require_POST
def end_sign_in(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """End one open sign-in of one's own; this very one is the same as Log out."""
    sign_in = access.sign_in_for(request.user, public_id)
    if sign_ins.is_of(sign_in, request.session):
        sign_ins.forget(request.session)
        logout(request)
        return redirect("login")
    sign_ins.end(sign_in)
    messages.success(request, "That sign-in has ended.")
    return redirect("conversations:account")


@require_POST
def end_other_sign_ins(request: HtmxRequest) -> HttpResponse:
    ended = sign_ins.end_all(request.user, but=request.session)
    messages.success(
        request, "You are signed out everywhere else." if ended else "You were signed in nowhere else."
    )
    return redirect("conversations:account")


@require_POST
def theme(request: HtmxRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("There is no such theme.", content_type="text/plain")
    User.objects.filter(pk=request.user.pk).update(theme=form.cleaned_data["theme"])
    if request.htmx:
        return HttpResponse(status=204)
    return redirect("conversations:index")


@require_POST
def notify(request: HtmxRequest) -> HttpResponse:
    """Switch on or off that a finished long answer says so outside of the page."""
    wanted = request.POST.get("notify") == "on"
    preferences = {**request.user.preferences, "notify": wanted}
    User.objects.filter(pk=request.user.pk).update(preferences=preferences)
    if not request.htmx:
        return redirect("conversations:account")
    request.user.preferences = preferences
    return render(request, "conversations/partials/_notify.html")
