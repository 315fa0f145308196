"""An invited person makes their account."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from conversations.forms.invites import JoiningForm
from conversations.models import User
from conversations.services import invites
from conversations.services.errors import Refused
from conversations.services.invites import InviteGone
from conversations.views import signing_in

_BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Follow an invite: choose a name and a password, and be signed in."""
    response = _joined(request, token)
    # The address is the secret.
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store, private"
    return response


def _joined(request: HttpRequest, token: str) -> HttpResponse:
    try:
        invites.open_invite(token, now=timezone.now())
        form = JoiningForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            # The slow hash of the password is made here, before the transaction.
            person = _accepted(token, form)
            if person is not None:
                return _signed_in(request, person)
    except InviteGone as refusal:
        context = {"title": "No such invite", "sentence": str(refusal), "status": 404}
        return render(request, "error.html", context, status=404)
    status = 422 if form.is_bound else 200
    return render(request, "registration/join.html", {"form": form}, status=status)


def _accepted(token: str, form: JoiningForm) -> User | None:
    """Return the new person, or None where the form now says what was refused. Raises InviteGone."""
    try:
        return invites.accept(token, form.save(commit=False))
    except InviteGone:
        raise
    except Refused as refusal:
        form.add_error("username", str(refusal))
        return None


def _signed_in(request: HttpRequest, person: User) -> HttpResponse:
    login(request, person, backend=_BACKEND)
    signing_in.note(request, person)
    return redirect("conversations:index")
