"""Requests that the page's own script makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from conversations.models import User

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class HtmxRequest(HttpRequest):
    """A request of a signed-in person; `htmx` is true where the page's script made it."""

    htmx: HtmxDetails
    user: User


def fragment(view: View) -> View:
    """Mark a view that answers a piece of a page or a stream: nobody signed in gets 401, no redirect."""
    view.is_fragment = True  # type: ignore[attr-defined]
    return view


def kept_without_sign_in(view: View) -> View:
    """Mark a view that takes a message: one that meets an ended sign-in is kept for its author."""
    view.keeps_sends = True  # type: ignore[attr-defined]
    return view
