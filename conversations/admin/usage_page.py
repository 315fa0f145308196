"""Usage in the panel: everybody's, by day, month, person, group, model and key."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conversations.forms.usage import UsageForm
from conversations.services import audit, usage, usage_reports, usage_tables
from conversations.services.errors import Refused
from conversations.services.usage_asking import Asked

SUBJECT = "Usage"
OFFERED = ("day", "month", "person", "group", "model", "key")


@require_safe
def everybodys(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show one page of the table, its totals, and a chart of its first dimension."""
    asked = _asked(request)
    report = usage_reports.report(
        by=asked.dimensions,
        first=asked.first,
        last=asked.last,
        only=asked.only,
        order=asked.order,
        page=asked.page,
    )
    context = {
        **context,
        "title": SUBJECT,
        "subject": SUBJECT,
        "asked": asked,
        "zone": settings.TIME_ZONE,
        "offered": OFFERED,
        "report": report,
        "narrowed": report.only,
        "columns": usage_tables.COLUMNS,
        "charts": usage_tables.charts_of(
            report.totals, dimension=asked.by, first=asked.first, last=asked.last
        ),
    }
    return render(request, "admin/conversations/usage.html", context)


@require_safe
def table(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Send all pages of the table as CSV."""
    asked = _asked(request)
    try:
        rows = usage_reports.every_row(
            by=asked.dimensions, first=asked.first, last=asked.last, only=asked.only, order=asked.order
        )
    except Refused as refusal:
        return HttpResponse(str(refusal), status=422, content_type="text/plain; charset=utf-8")
    audit.record("usage.exported", kind="usage", name=f"{asked.first} to {asked.last}")
    response = StreamingHttpResponse(
        usage_tables.csv(asked.dimensions, rows), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="usage-{asked.first}-{asked.last}.csv"'
    return response


@require_safe
def chart(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Draw the table's first dimension."""
    asked = _asked(request)
    drawing = usage_tables.draw(
        dimension=asked.by,
        first=asked.first,
        last=asked.last,
        only=asked.only,
        currency=request.GET.get("currency"),
        is_dark=request.GET.get("theme") == "dark",
        is_narrow=request.GET.get("width") == "narrow",
    )
    response = HttpResponse(drawing.svg, content_type="image/svg+xml")
    # Its style sheet is its own; opened as a page it would be black bars without it.
    response["Content-Security-Policy"] = drawing.policy
    return response


def _asked(request: HttpRequest) -> Asked:
    return UsageForm(request.GET, dimensions=OFFERED).asked(today=usage.today())
