"""The one door: sign in, sign out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from conversations.forms.signing_in import SignInForm
from conversations.models import User
from conversations.services import audit, mailing, pending_sends, sign_ins

# A locked door that is shaken all night is one entry in an hour: nothing is ever deleted from that log.
_LOCK_NOTED = timedelta(hours=1)


# Said anew: Django says it of its own `dispatch`, and this class has one.
@method_decorator(login_not_required, name="dispatch")
class SignIn(auth_views.LoginView):
    """The sign-in, for pages and panel alike. `next` is followed on this host only."""

    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        # Django takes a way back to the sign-in itself for a fault of the settings, and breaks.
        wanted: str = super().get_redirect_url()
        return "" if wanted.partition("?")[0] == self.request.path else wanted

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        note(self.request, form.get_user())
        audit.record("sign_in.done", subject=form.get_user(), actor=form.get_user())
        return _send_what_was_kept(self.request, form.get_user()) or response

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Signed in again in another tab: the message that led this one here is sent all the same.
        if isinstance(request.user, User) and (sent := _send_what_was_kept(request, request.user)):
            return sent
        return super().dispatch(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        # Who is locked out is answered by `locked_out`; a form with an empty field tried nothing.
        tried = form.cleaned_data.get("username") and form.cleaned_data.get("password")
        if tried and not getattr(self.request, "axes_locked_out", False):
            audit.record("sign_in.failed", **_about(form.cleaned_data["username"]))
        response: HttpResponse = super().form_invalid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kept = "kept" in self.request.GET or "kept" in self.request.POST
        return super().get_context_data(may_mail=mailing.is_possible(), kept=kept, **kwargs)


@method_decorator(never_cache, name="dispatch")
class SignOut(auth_views.LogoutView):
    """End the sign-in and have the browser forget what the site kept there."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        sign_ins.forget(request.session)
        if request.user.is_authenticated:
            audit.record("sign_in.ended", subject=request.user)
        response: HttpResponse = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


def _send_what_was_kept(request: HttpRequest, person: User) -> HttpResponse | None:
    """Send what met the end of the person's last sign-in, and lead to it; None where there is nothing."""
    outcome = pending_sends.carry_out(person)
    for problem in outcome.problems:
        messages.warning(request, problem)
    if not outcome.is_any:
        return None
    return redirect(outcome.conversation or "conversations:index")


def _about(typed: str) -> dict[str, Any]:
    """Return whom a failed sign-in was about. A name that nobody has is not kept: it may be a password."""
    person = User.objects.filter(username=typed[:150].replace("\x00", "")).first()
    return {"subject": person} if person else {"kind": "person", "name": "an unknown name"}


def client_of(request: HttpRequest) -> str:
    """Return the address on the network that asks. (conversations.middleware.TrustedProxy has settled it.)"""
    return str(request.META.get("REMOTE_ADDR", ""))


def note(request: HttpRequest, person: User) -> None:
    """Keep a row of the sign-in that has just been made, for the list on the person's own page."""
    sign_ins.begin(
        request.session,
        person,
        address=client_of(request),
        browser=request.headers.get("User-Agent", ""),
    )


def locked_out(request: HttpRequest, credentials: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer a sign-in after too many failures by that name or from that address."""
    audit.record_once("sign_in.locked", every=_LOCK_NOTED, **_about(request.POST.get("username", "")))
    form = SignInForm(request)
    context = {
        "form": form,
        "locked_out": True,
        "next": request.POST.get("next", ""),
        "may_mail": mailing.is_possible(),
    }
    return render(request, "registration/login.html", context, status=429)
