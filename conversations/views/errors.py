"""Pages for what goes wrong, and what may be told about it in logs and reports."""

from __future__ import annotations

import logging
import re
from collections.abc import ItemsView
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.debug import SafeExceptionReporterFilter

_SECRETS = re.compile(r"\b(sk-[\w-]{6,}|Bearer\s+\S+|(?:sessionid|csrftoken)=\S+)")


def _page(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    context = {"title": title, "sentence": sentence, "status": status}
    return render(request, "error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 400, "This request can't be read", "Something in it is not what the site expects.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 403, "Not allowed", "You may not do that here.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 404, "Nothing here", "The page does not exist, or it is not yours to read.")


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        500,
        "Something broke",
        "It was written to the log. Nothing you sent before is lost; try again.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(
        request,
        403,
        "This page is too old",
        "You signed in again somewhere else. Reload the page and try once more.",
    )


class QuietReporterFilter(SafeExceptionReporterFilter):
    """Error reports without what people typed: no posted values, cookies or local variables, DEBUG or not."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        if request is None:
            return {}
        return dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute)

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta = super().get_safe_request_meta(request)
        return {
            name: value for name, value in meta.items() if name not in ("HTTP_COOKIE", "HTTP_AUTHORIZATION")
        }

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> ItemsView[str, Any]:
        return dict[str, Any]().items()


class QuietRecords(logging.Filter):
    """Take what looks like a key or a cookie out of a log line, wherever it came from."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        cleaned = _SECRETS.sub("[removed]", message)
        if cleaned != message:
            record.msg, record.args = cleaned, ()
        return True
