"""What the panel's pages share: who may open them, plain titles, buttons that post, and the audit log."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from conversations.services import audit, roles
from conversations.services.errors import Refused

_ID = re.compile(r"[0-9]{1,18}")
_ROW_ID = re.compile(r"form-[0-9]+-id")


class ByRole:
    """Who may see and change the rows of a page: whoever has `permission`, by their role.

    A page that names none opens to nobody. Django's own permissions per table count for nothing here.
    """

    permission = ""

    def may(self, request: HttpRequest) -> bool:
        """Say whether the person of `request` may use this page."""
        return bool(self.permission) and roles.may(request.user, self.permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request)


class Rows(ByRole, admin.TabularInline):
    """Rows that are shown and changed on the page of what they belong to. They name the same permission."""

    extra = 0


class Page(ByRole, ModelAdmin):
    """A subject of the panel.

    `permission` says who may open it, `audit_kind` what its rows are called in the audit log's actions
    ("key": key.added, key.changed, key.deleted; each is one of services.audit.ACTIONS).

    `presses` are its buttons: each has an address of its own, outside the transaction in which Django
    runs a form's view. (On SQLite a request to the gateway in there would lock every writer out.)
    """

    subject = ""
    subject_one = ""
    audit_kind = ""
    # False where the verbs behind the forms write their own entries of what is added, changed and deleted.
    audits_forms = True
    presses: dict[str, str] = {}
    show_facets = admin.ShowFacets.NEVER

    def get_urls(self) -> list[URLPattern]:
        own = [
            self.address(f"<int:pk>/{name}/", require_POST(self._presser(method)), name)
            for name, method in self.presses.items()
        ]
        return own + super().get_urls()

    def address(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """Return an address of this page's own, for its `get_urls`: it opens to who has its permission."""

        def opened(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not self.may(request):
                raise PermissionDenied
            return view(request, **kwargs)

        # For the walk over all addresses: each of the panel's names its permission.
        opened.permission = self.permission  # type: ignore[attr-defined]
        whole_name = f"conversations_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(opened), name=whole_name)

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
        try:
            return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})
        except Refused as refusal:
            # What the form could not foresee: two admins at once. Nothing was saved.
            say(request, messages.ERROR, str(refusal))
            return redirect(request.path)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        context = {"subject": self.subject, "title": f"Delete this {self.subject_one}?", "subtitle": None}
        return super().delete_view(request, object_id, {**context, **(extra_context or {})})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().history_view(request, object_id, {"subject": self.subject, **(extra_context or {})})

    # --- The audit log: every form that is saved, and every deletion

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        # Django hands the form to this method alone; log_addition and log_change come right after it.
        self._note(request, changes_of(form, formsets, add=add))
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, "added", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # A plain text is told by a button: the verb that it pressed has written its own entry.
        if not isinstance(message, str):
            self._record(request, "changed", obj)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._record(request, "deleted", obj)
        return super().log_deletions(request, queryset)

    def _note(self, request: HttpRequest, changes: dict[str, Any]) -> None:
        request._audited_changes = changes  # type: ignore[attr-defined]

    def _record(self, request: HttpRequest, verb: str, obj: Any) -> None:
        changes = request.__dict__.pop("_audited_changes", {}) if verb != "deleted" else {}
        if not self.audits_forms or (verb == "changed" and not changes):
            return
        kind = self.audit_kind or str(self.opts.model_name)
        audit.record(f"{kind}.{verb}", subject=obj, kind=self.subject_one, changes=changes)

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


def changes_of(form: Any, formsets: Any = None, *, add: bool = False) -> dict[str, Any]:
    """Return what was changed in a valid `form` and its rows: {field: [before, after]}.

    Fields that `form.audited_elsewhere` names are left out: the verbs behind them write entries of their own.
    """
    found: dict[str, Any] = {}
    for name in form.changed_data:
        if name in getattr(form, "audited_elsewhere", ()):
            continue
        if audit.is_secret_name(name):
            # A password is typed twice.
            found[name.rstrip("12")] = audit.CHANGED
            continue
        before, after = None if add else _shown(form.initial.get(name)), _shown(form.cleaned_data.get(name))
        if before != after:
            found[name] = [before, after]
    for formset in formsets or ():
        kind = str(formset.model._meta.verbose_name)
        for row in formset.new_objects:
            found[f"{kind} {row}"] = [None, "added"]
        for row, fields in formset.changed_objects:
            found[f"{kind} {row}"] = [None, f"changed: {', '.join(fields)}"]
        for row in formset.deleted_objects:
            found[f"{kind} {row}"] = ["there", None]
    return found


def _shown(value: Any) -> Any:
    """Return rows by their names: an initial value may be a list of them, or a query for them."""
    if isinstance(value, QuerySet | list | tuple | set):
        return sorted(str(item) for item in value)
    return str(value) if isinstance(value, Model) else value


def _refuse_impossible_ids(request: HttpRequest) -> None:
    """Answer 400 to ids that are none: Django's list would pass them to the database, and break."""
    named = request.POST.getlist("_selected_action")
    named += [str(value) for name, value in request.POST.items() if _ROW_ID.fullmatch(name)]
    if not all(_ID.fullmatch(value) for value in named if value):
        raise BadRequest


def say(request: HttpRequest, level: int, text: str) -> None:
    """Show `text` on the next page. It is text: nothing in it is read as HTML."""
    messages.add_message(request, level, text)
