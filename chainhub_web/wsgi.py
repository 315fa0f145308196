"""What gunicorn serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

from chainhub_web import env

env.keep("DJANGO_SETTINGS_MODULE", "chainhub_web.settings")
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    answer: Iterable[bytes] = _django(mended(environ), start_response)
    return answer


def mended(environ: dict[str, Any]) -> dict[str, Any]:
    """Leave out a content type that Django breaks on, before any of it could answer 400.

    It decodes the query with whatever charset is named, also with Python's codecs for no text (hex, bz2),
    and trips over "text/plain; x*=nope''y".
    """
    try:
        _, parameters = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
    except (ValueError, LookupError):
        environ["CONTENT_TYPE"] = ""
        return environ
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        environ["CONTENT_TYPE"] = ""
    return environ
