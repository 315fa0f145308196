"""What every request passes: who asks, from where, and that personal answers are kept by nobody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url

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


class SignedIn(LoginRequiredMiddleware):
    """Let nobody in who has not signed in, but where a view says so."""

    def get_login_url(self, view_func: Callable) -> str:
        # The panel names a sign-in of its own; there is one door.
        return resolve_url(settings.LOGIN_URL)

    def handle_no_permission(  # type: ignore[override]  # a fragment gets 401 instead of a redirect
        self, request: HttpRequest, view_func: Callable
    ) -> HttpResponse:
        if getattr(view_func, "is_fragment", False) or getattr(request, "htmx", False):
            return _sign_in_instead(request)
        response: HttpResponse = super().handle_no_permission(request, view_func)
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
