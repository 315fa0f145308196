"""The audit log in the panel: read, filtered, exported; nobody changes it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from conversations.forms.audit import AuditFilterForm
from conversations.models import User
from conversations.services import audit, audit_reading

SUBJECT = "Audit log"
_FILTERS = ("action", "person", "words", "since", "until")


@require_safe
def audit_log(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show one page of the log, the newest first."""
    return _page(request, context, _form(request, request.GET))


@require_POST
def export(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Send what the page showed as CSV. That somebody took it is an entry of its own."""
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, context, form)
    chosen = {name: value for name in _FILTERS if (value := form.cleaned_data[name])}
    audit.record("audit.exported", kind="audit log", name=SUBJECT, changes=chosen)
    response = StreamingHttpResponse(audit_reading.csv(form.wanted), content_type="text/csv; charset=utf-8")
    name = f"audit-log-{timezone.now():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _form(request: HttpRequest, data: Any) -> AuditFilterForm:
    person: Any = request.user
    return AuditFilterForm(data, zone=person.zone)


def _page(request: HttpRequest, context: dict[str, Any], form: AuditFilterForm) -> HttpResponse:
    person: Any = request.user
    is_valid = form.is_valid()
    chosen = {name: str(form.cleaned_data[name]) for name in _FILTERS if form.cleaned_data.get(name)}
    shown = None
    if is_valid:
        shown = audit_reading.page_of(form.wanted, before=form.cleaned_data["before"])
    older = ""
    if shown and shown.next_before:
        older = f"?{urlencode({**chosen, 'before': shown.next_before})}"
    context = {
        **context,
        "title": SUBJECT,
        "subject": SUBJECT,
        "form": form,
        "shown": shown,
        "chosen": chosen,
        "older": older,
        "zone": person.zone,
        "people": User.objects.order_by("username", "id").values_list("username", flat=True)[:200],
        "is_filtered": bool(chosen),
        "export_limit": audit_reading.EXPORT_LIMIT,
    }
    return render(request, "admin/conversations/audit.html", context, status=200 if is_valid else 422)
