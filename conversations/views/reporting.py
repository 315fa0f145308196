"""What logs and reports may tell of a failure: where and of which kind, never what people wrote.

The text of an exception may quote a message, a key or a row of the database; so may the address of the
request. Both are left out, DEBUG or not.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import ItemsView, Iterator
from types import TracebackType
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

# The links of invites and resets open an account: Django writes the address of what it refuses.
_SECRETS = re.compile(
    r"\b(sk-[\w-]{6,}|Bearer\s+\S+|(?:sessionid|csrftoken)=\S+)|(?<=/invite/)[\w-]+|(?<=/reset/)\w+/[\w-]+"
)
# Their texts are about names and types of the code, settings, or the state of the database.
_TELLABLE = (OperationalError, ImproperlyConfigured, ImportError, NameError, AttributeError, TypeError)
# Of a request's environment: what carries cookies, keys or words of the person.
_PERSONAL = re.compile(r"COOKIE|AUTHORIZATION|QUERY_STRING|REFERER|URI|HTTP_HX_")


def summary(error: BaseException) -> str:
    """Return the kind of `error`, and its text where that can quote nobody."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    words = ""
    if isinstance(error, OSError):
        words = error.strerror or ""
    elif isinstance(error, _TELLABLE):
        words = str(error).partition("\n")[0]
    return _SECRETS.sub("[removed]", f"{kind}: {words}" if words else kind)


class QuietRecords(logging.Filter):
    """Take what looks like a key or a cookie out of a log line, and the text of the exception it tells of."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = cleaned = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and str(error):
            cleaned = cleaned.replace(str(error), summary(error))
        cleaned = _SECRETS.sub("[removed]", cleaned)
        if cleaned != message:
            record.msg, record.args = cleaned, ()
        return True


class QuietLines(logging.Formatter):
    """Write a line; of an exception its way through the code and its kind."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        # Another handler may have left its own there, with all that the exception says.
        record.exc_text = None
        return super().format(record)

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        lines: list[str] = []
        for error in reversed(list(_with_causes(ei[1]))):
            lines += ["Traceback (most recent call last):\n", *traceback.format_tb(error.__traceback__)]
            lines.append(f"{summary(error)}\n")
        return "".join(lines).rstrip("\n")


class QuietReporterFilter(SafeExceptionReporterFilter):
    """Error reports without what people typed: no posted values, cookies or local variables, DEBUG or not."""

    # The addresses of mail, database, Redis and proxy may carry a password.
    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|_URL|PROXY", re.I)

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else _names_of(request.POST)

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        return _names_of(getattr(request, "COOKIES", {}))

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta = super().get_safe_request_meta(request)
        return {name: value for name, value in meta.items() if not _PERSONAL.search(name)}

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> ItemsView[str, Any]:
        return dict[str, Any]().items()


class QuietReporter(ExceptionReporter):
    """Django's page for developers, without the text of the exception and the values of the address."""

    def get_traceback_data(self) -> dict[str, Any]:
        data: dict[str, Any] = super().get_traceback_data()
        data |= {"unicode_hint": "", "exception_notes": ""}
        if self.exc_value:
            data["exception_value"] = summary(self.exc_value)
        if data.get("template_info"):
            data["template_info"] = {**data["template_info"], "message": ""}
        if self.request is not None:
            data["request_GET_items"] = _names_of(self.request.GET).items()
            data["request_FILES_items"] = _names_of(self.request.FILES).items()
            data["request_insecure_uri"] = data["request_insecure_uri"].partition("?")[0]
        return data

    def get_traceback_frames(self) -> list[dict[str, Any]]:
        frames: list[dict[str, Any]] = super().get_traceback_frames()
        for frame in frames:
            if cause := frame.get("exc_cause"):
                frame["exc_cause"] = summary(cause)
        return frames


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _names_of(values: Any) -> dict[str, Any]:
    return dict.fromkeys(values, SafeExceptionReporterFilter.cleansed_substitute)
