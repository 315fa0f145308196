"""What every request passes: who asks, from where, and that personal answers are kept by nobody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils import timezone

from conversations.forms.messages import MessageForm
from conversations.models import User
from conversations.services import audit, pending_sends, sign_ins
from conversations.services.errors import Refused

Answerer = Callable[[HttpRequest], HttpResponseBase]
_PROXY_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


class TrustedProxy:
    """Believe the forwarded headers of the proxies in TRUSTED_PROXIES, and drop everybody else's."""

    def __init__(self, get_response: Answerer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.META.get("REMOTE_ADDR") not in settings.TRUSTED_PROXIES:
            for header in _PROXY_HEADERS:
                request.META.pop(header, None)
        elif chain := request.META.get("HTTP_X_FORWARDED_FOR"):
            # The last entry is the one that our own proxy wrote; what stands before it anybody may send.
            last = chain.split(",")[-1].strip()
            # "unknown", or one with a port: the throttle's table takes addresses only.
            with suppress(ValueError):
                request.META["REMOTE_ADDR"] = str(ip_address(last))
        return self.get_response(request)


def client_address(request: HttpRequest) -> str:
    """Return the address that TrustedProxy settled; the sign-in throttle counts by it."""
    return str(request.META.get("REMOTE_ADDR", ""))


class Acting:
    """Tell the audit log who acts in this request, and from where."""

    def __init__(self, get_response: Answerer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Asked for late: a sign-in changes who it is, and most requests write nothing.
        with audit.acting(lambda: request.user, address=client_address(request)):
            return self.get_response(request)


class SignedIn(LoginRequiredMiddleware):
    """Let nobody in who has not signed in, but where a view says so."""

    def get_login_url(self, view_func: Callable) -> str:
        # The panel names a sign-in of its own; there is one door.
        return resolve_url(settings.LOGIN_URL)

    def process_view(
        self, request: HttpRequest, view_func: Callable, view_args: tuple, view_kwargs: dict
    ) -> HttpResponseBase | None:
        if request.method == "POST" and getattr(view_func, "keeps_sends", False):
            person = request.user
            if isinstance(person, User) and pending_sends.names_another(person, _author_field(request)):
                # The page was left open by somebody else: what was typed in it is theirs.
                return _keep_the_send(request)
        answer: HttpResponseBase | None = super().process_view(request, view_func, view_args, view_kwargs)
        return answer

    def handle_no_permission(  # type: ignore[override]  # a fragment gets 401 instead of a redirect
        self, request: HttpRequest, view_func: Callable
    ) -> HttpResponse:
        if request.method == "POST" and getattr(view_func, "keeps_sends", False):
            return _keep_the_send(request)
        if getattr(view_func, "is_fragment", False) or getattr(request, "htmx", False):
            return _sign_in_instead(request)
        response: HttpResponse = super().handle_no_permission(request, view_func)
        return response


class SeenSignIns:
    """Note that a sign-in is in use, for its person's list: every few minutes, after the answer was made."""

    def __init__(self, get_response: Answerer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # What did not need the session so far does not load it for this.
        if request.session.accessed:
            sign_ins.seen(request.session, address=client_address(request), now=timezone.now())
        return response


def _author_field(request: HttpRequest) -> str:
    return str(request.POST.get("author", ""))


def _keep_the_send(request: HttpRequest) -> HttpResponse:
    """Keep a message whose author has to sign in first, and lead to the sign-in; nothing of it is shown."""
    match = request.resolver_match
    conversation_id = match.kwargs.get("public_id") if match else None
    back = reverse("conversations:detail", args=[conversation_id]) if conversation_id else "/"
    form = MessageForm(request.POST)
    author = pending_sends.author_of(_author_field(request))
    words = {"next": back}
    if author and form.is_valid():
        lost = any(upload.size for upload in request.FILES.getlist("files"))
        try:
            pending_sends.keep(author, conversation_id=conversation_id, lost_files=lost, **form.cleaned_data)
        except Refused as refusal:
            # Not away from the page that still has the text.
            return HttpResponse(str(refusal), status=409, content_type="text/plain; charset=utf-8")
        words["kept"] = "1"
    where = f"{resolve_url('login')}?{urlencode(words)}"
    if request.user.is_authenticated:
        # Somebody else has signed in meanwhile: the page becomes theirs.
        where = "/"
    if not getattr(request, "htmx", False):
        return redirect(where)
    response = HttpResponse("Sign in to go on.", status=401, content_type="text/plain")
    response["HX-Redirect"] = where
    return response


def _sign_in_instead(request: HttpRequest) -> HttpResponse:
    """Answer 401, and let htmx open the sign-in as a page that leads back to where the person was."""
    details = getattr(request, "htmx", None)
    try:
        here = urlsplit((details and details.current_url) or "/").path or "/"
    except ValueError:  # anybody may send that header: "http://["
        here = "/"
    response = HttpResponse("Sign in to go on.", status=401, content_type="text/plain")
    if details:
        response["HX-Redirect"] = f"{resolve_url('login')}?{urlencode({'next': here})}"
    return response


class PersonalAnswers:
    """No cache keeps what was made for one person."""

    def __init__(self, get_response: Answerer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if "Cache-Control" not in response:
            response["Cache-Control"] = "no-store, private"
        return response
