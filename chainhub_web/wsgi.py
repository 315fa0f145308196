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
    try:
        parse_header_parameters(environ.get("CONTENT_TYPE", ""))
    except ValueError:
        # Django reads it before anything of it could answer: "text/plain; x*=nope''y" would be a 500.
        environ["CONTENT_TYPE"] = ""
    answer: Iterable[bytes] = _django(environ, start_response)
    return answer
