"""A person's own usage: what they asked for, and what it cost."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conversations.forms.usage import UsageForm
from conversations.services import usage, usage_reports, usage_tables
from conversations.services.errors import Refused
from conversations.services.usage_asking import Asked
from conversations.services.usage_sources import Only
from conversations.views.htmx import HtmxRequest, fragment

OFFERED = ("model", "day", "month")


@require_safe
def own(request: HtmxRequest) -> HttpResponse:
    """Show what the person used today, this month, and in the days that they chose."""
    asked = _asked(request)
    only = _own(request, asked)
    report = usage_reports.report(
        by=asked.dimensions, first=asked.first, last=asked.last, only=only, order=asked.order, page=asked.page
    )
    today = usage.today()
    mine = Only(person=request.user.pk)
    context = {
        "asked": asked,
        "zone": settings.TIME_ZONE,
        "offered": OFFERED,
        "report": report,
        # Who it is the page says already.
        "narrowed": {name: words for name, words in report.only.items() if name != "person"},
        "columns": usage_tables.COLUMNS,
        "charts": usage_tables.charts_of(report.totals, dimension="day", first=asked.first, last=asked.last),
        "today": usage_reports.totals(first=today, last=today, only=mine),
        "this_month": usage_reports.totals(first=today.replace(day=1), last=today, only=mine),
    }
    return render(request, "conversations/usage.html", context)


@require_safe
def table(request: HtmxRequest) -> HttpResponseBase:
    """Send all pages of the person's own table as CSV."""
    asked = _asked(request)
    try:
        rows = usage_reports.every_row(
            by=asked.dimensions,
            first=asked.first,
            last=asked.last,
            only=_own(request, asked),
            order=asked.order,
        )
    except Refused as refusal:
        return HttpResponse(str(refusal), status=422, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(
        usage_tables.csv(asked.dimensions, rows), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="usage-{asked.first}-{asked.last}.csv"'
    return response


@fragment
@require_safe
def chart(request: HtmxRequest) -> HttpResponse:
    """Draw the person's own usage over time."""
    asked = _asked(request)
    drawing = usage_tables.draw(
        dimension="day",
        first=asked.first,
        last=asked.last,
        only=_own(request, asked),
        currency=request.GET.get("currency"),
        is_dark=request.GET.get("theme") == "dark",
        is_narrow=request.GET.get("width") == "narrow",
    )
    response = HttpResponse(drawing.svg, content_type="image/svg+xml")
    # Its style sheet is its own; opened as a page it would be black bars without it.
    response["Content-Security-Policy"] = drawing.policy
    return response


def _asked(request: HtmxRequest) -> Asked:
    return UsageForm(request.GET, dimensions=OFFERED).asked(today=usage.today())


def _own(request: HtmxRequest, asked: Asked) -> Only:
    """Whatever the address asks for: this person's, and nobody else's."""
    return replace(asked.only, person=request.user.pk, group=None, key=None)
