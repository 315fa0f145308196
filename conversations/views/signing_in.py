"""The one door: sign in, sign out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from conversations.forms.signing_in import SignInForm


class SignIn(auth_views.LoginView):
    """The sign-in, for pages and panel alike. `next` is followed on this host only."""

    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        # Django takes a way back to the sign-in itself for a fault of the settings, and breaks.
        wanted: str = super().get_redirect_url()
        return "" if wanted.partition("?")[0] == self.request.path else wanted


@method_decorator(never_cache, name="dispatch")
class SignOut(auth_views.LogoutView):
    """End the sign-in and have the browser forget what the site kept there."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache", "storage"'
        return response


def locked_out(request: HttpRequest, credentials: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer a sign-in after too many failures by that name or from that address."""
    form = SignInForm(request)
    context = {"form": form, "locked_out": True, "next": request.POST.get("next", "")}
    return render(request, "registration/login.html", context, status=429)
