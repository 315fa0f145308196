"""What the panel's pages share: plain titles, and buttons that post."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

_ID = re.compile(r"[0-9]{1,18}")
_ROW_ID = re.compile(r"form-[0-9]+-id")


class Page(ModelAdmin):
    """A subject of the panel.

    `presses` are its buttons: each has an address of its own, outside the transaction in which Django
    runs a form's view. (On SQLite a request to the gateway in there would lock every writer out.)
    """

    subject = ""
    subject_one = ""
    presses: dict[str, str] = {}
    show_facets = admin.ShowFacets.NEVER

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(require_POST(self._presser(method))),
                name=f"conversations_{self.opts.model_name}_{name}",
            )
            for name, method in self.presses.items()
        ]
        return own + super().get_urls()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        # "?_to_field=" names the field without a name, and Django looks for it.
        return super().get_object(request, object_id, from_field or None)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Filter by what the page offers, and nothing else that an address may name (`name__regex=(`)."""
        offered: set[str] = set()
        for choice in self.list_filter:
            if isinstance(choice, str):
                offered |= {f"{choice}__exact", f"{choice}__isnull"}
            else:
                offered.add(getattr(choice, "parameter_name", ""))
        return lookup in offered

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        _refuse_impossible_ids(request)
        return super().changelist_view(
            request,
            {
                "title": self.subject,
                "subject": self.subject,
                "subject_one": self.subject_one,
                **(extra_context or {}),
            },
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context: dict[str, Any] = {"subject": self.subject, "show_save_and_add_another": False}
        if object_id is None:
            context["title"] = f"Add a {self.subject_one}"
        elif found := self.get_object(request, object_id):
            # The name is the heading; Django would put "Change …" over it.
            context |= {"title": str(found), "subtitle": None}
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        context = {"subject": self.subject, "title": f"Delete this {self.subject_one}?", "subtitle": None}
        return super().delete_view(request, object_id, {**context, **(extra_context or {})})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().history_view(request, object_id, {"subject": self.subject, **(extra_context or {})})

    def may_press(self, request: HttpRequest, row: Any) -> bool:
        return self.has_change_permission(request, row)

    def _presser(self, method: str) -> Callable[..., HttpResponse]:
        def press(request: HttpRequest, pk: int) -> HttpResponse:
            row = self.get_queryset(request).filter(pk=pk).first()
            if row is None:
                raise Http404
            if not self.may_press(request, row):
                raise PermissionDenied
            getattr(self, method)(request, row)
            return self._back(request, row)

        return press

    def _back(self, request: HttpRequest, row: Model) -> HttpResponse:
        base = f"admin:conversations_{self.opts.model_name}"
        if request.POST.get("back") == "list":
            return redirect(f"{base}_changelist")
        return redirect(reverse(f"{base}_change", args=[row.pk]))


def _refuse_impossible_ids(request: HttpRequest) -> None:
    """Answer 400 to ids that are none: Django's list would pass them to the database, and break."""
    named = request.POST.getlist("_selected_action")
    named += [str(value) for name, value in request.POST.items() if _ROW_ID.fullmatch(name)]
    if not all(_ID.fullmatch(value) for value in named if value):
        raise BadRequest


def say(request: HttpRequest, level: int, text: str) -> None:
    """Show `text` on the next page. It is text: nothing in it is read as HTML."""
    messages.add_message(request, level, text)
