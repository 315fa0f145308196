"""The button that says of an alert: done."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from conversations.admin.pages import say
from conversations.models import Alert
from conversations.services import alerts


@require_POST
def done(request: HttpRequest, context: dict[str, Any], pk: int) -> HttpResponse:
    """Close one alert. What is not mended opens a new one."""
    alert = get_object_or_404(Alert, pk=min(pk, 2**63 - 1))
    if alerts.done(alert):
        say(request, messages.SUCCESS, "Done. If it happens again, it is shown again.")
    else:
        say(request, messages.SUCCESS, "Somebody has seen to it already.")
    return redirect("admin:index")
