"""Forgot your password? A link by mail, and a new one."""

from __future__ import annotations

from typing import Any

from axes.utils import reset as forget_failures
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from conversations.forms.resets import NewPasswordByLinkForm, ResetForm
from conversations.models import User
from conversations.services import mailing, resets
from conversations.services.resets import TooManyResets
from conversations.views import signing_in


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    """Ask for a link. The answer is the same for every mail address."""
    if not mailing.is_possible():
        return render(request, "registration/forgot.html", {"form": None})
    form = ResetForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            resets.ask(
                form.cleaned_data["email"],
                client=signing_in.client_of(request),
                site=request.build_absolute_uri("/"),
            )
        except TooManyResets as refusal:
            form.add_error(None, str(refusal))
            status = 429
        else:
            return redirect("forgot_done")
    return render(request, "registration/forgot.html", {"form": form}, status=status)


@login_not_required
@require_http_methods(["GET", "HEAD"])
def forgot_done(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/forgot_done.html", {"may_mail": mailing.is_possible()})


@method_decorator(login_not_required, name="dispatch")
class NewPassword(auth_views.PasswordResetConfirmView):
    """Choose a new password by a link. Django keeps its token in the session, so that no address tells it."""

    template_name = "registration/new_password.html"
    form_class = NewPasswordByLinkForm
    success_url = reverse_lazy("login")

    def get_user(self, uidb64: str) -> User | None:
        found: Any = super().get_user(uidb64)
        # Whoever was deactivated has no password to choose.
        return found if found is not None and found.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        # Its row is about to go: a session that was changed here and is gone can't be saved.
        logout(self.request)
        resets.done(form.user)
        # Somebody who typed a wrong one ten times is why this page exists.
        forget_failures(username=form.user.get_username())
        messages.success(self.request, "Your password was changed. Log in with it.")
        return response

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        is_gone = not context["validlink"]
        refused = context["form"] is not None and context["form"].is_bound
        response: HttpResponse = super().render_to_response(
            context, status=404 if is_gone else 422 if refused else 200, **kwargs
        )
        return response
