"""The admin panel: one door with the rest of the site, and a 404 for everybody who may not use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.http.response import HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from conversations.admin import (
    alerts_page,
    attention,
    audit_page,
    invites_page,
    settings_page,
    tools_page,
    usage_page,
)
from conversations.services import roles


@dataclass(frozen=True)
class OwnPage:
    """An address of the panel that belongs to no table: `view` gets the request and the panel's context.

    Who may open it is said here, by one of services.roles.PERMISSIONS, and asked before the view is.
    """

    name: str
    address: str
    permission: str
    view: Callable[..., HttpResponseBase]


_OWN_PAGES = (
    OwnPage("tools", "tools/", "manage_tools", tools_page.tools),
    OwnPage("settings", "settings/", "manage_tools", settings_page.settings_page),
    OwnPage("invites", "invites/", "manage_people", invites_page.invites_page),
    OwnPage("invite_revoke", "invites/<uuid:public_id>/revoke/", "manage_people", invites_page.revoke),
    OwnPage("usage", "usage/", "see_usage", usage_page.everybodys),
    OwnPage("usage_table", "usage/table.csv", "see_usage", usage_page.table),
    OwnPage("usage_chart", "usage/chart.svg", "see_usage", usage_page.chart),
    OwnPage("audit", "audit/", "see_audit", audit_page.audit_log),
    OwnPage("audit_export", "audit/export/", "see_audit", audit_page.export),
    OwnPage("alert_done", "alerts/<int:pk>/done/", "use_panel", alerts_page.done),
)

# The pages in their order, with what the index says of each.
_PAGES = {
    "gatewaykey": ("Gateway keys", "Which ChainHub keys the chat uses, and whether they work."),
    "model": ("Models", "What people may choose from, in which order, and what comes first."),
    "price": ("Prices", "What calls cost, from when on, and the tables of the gateways."),
    "tools": (tools_page.SUBJECT, "What models may use while they answer, and for whom."),
    "settings": (settings_page.SUBJECT, "What holds for the whole site."),
    "user": ("People", "Who may sign in, and in which role."),
    "invites": (invites_page.SUBJECT, "Links that each let one person make their account."),
    "group": ("Groups", "Who belongs together: tools can be limited to groups."),
    "usage": (usage_page.SUBJECT, "Calls, tokens and cost: by day, person, group, model and key."),
    "audit": (audit_page.SUBJECT, "Who changed what, when, and from where."),
}


class Panel(admin.AdminSite):
    site_header = "Admin panel"
    site_title = "Admin panel"
    index_title = "Admin panel"
    enable_nav_sidebar = False
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        if request.user.is_authenticated and not roles.may(request.user, "use_panel"):
            # A member learns no more than that nothing is here.
            raise Http404
        return bool(request.user.is_authenticated)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self.has_permission(request)
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        # 307 keeps the POST and its token: the product's own way out does what has to be done.
        return HttpResponse(status=307, headers={"Location": reverse("logout")})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("conversations:account")

    def get_urls(self) -> list[Any]:
        # "View on site" leads from the number of any row to its address: the panel has no such page.
        known = [pattern for pattern in super().get_urls() if getattr(pattern, "name", "") != "view_on_site"]
        return [*(self._opened(page) for page in _OWN_PAGES), *known]

    def _opened(self, page: OwnPage) -> URLPattern:
        def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not roles.may(request.user, page.permission):
                raise PermissionDenied
            return page.view(request, self.each_context(request), **kwargs)

        # For the walk over all addresses: each of the panel's names its permission.
        view.permission = page.permission  # type: ignore[attr-defined]
        return path(page.address, self.admin_view(view), name=page.name)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().index(request, {**(extra_context or {}), "needs": attention.needs(request)})

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return redirect("admin:index")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the pages that this person may open, in one group, under the product's own names."""
        found = [
            page for app in super().get_app_list(request, app_label) for page in app["models"]
        ]  # fmt: skip
        pages = {page["model"]._meta.model_name: page for page in found}
        for own_page in _OWN_PAGES:
            if own_page.name in _PAGES and roles.may(request.user, own_page.permission):
                pages[own_page.name] = {"admin_url": reverse(f"admin:{own_page.name}"), "add_url": None}
        own = [
            {**pages[name], "name": title, "description": description}
            for name, (title, description) in _PAGES.items()
            if name in pages
        ]
        return (
            [{"name": "The chat", "app_label": "conversations", "app_url": "", "models": own}] if own else []
        )
