"""The admin panel: one door with the rest of the site, and a 404 for everybody who is not staff."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from conversations.admin import attention, tools_page

# The pages in their order, with what the index says of each.
_PAGES = {
    "gatewaykey": ("Gateway keys", "Which ChainHub keys the chat uses, and whether they work."),
    "model": ("Models", "What people may choose from, in which order, and what comes first."),
    "tools": (tools_page.SUBJECT, "What models may use while they answer, and for whom."),
    "user": ("People", "Who may sign in, and who may open this panel."),
    "group": ("Groups", "Who belongs together: tools can be limited to groups."),
}


class Panel(admin.AdminSite):
    site_header = "Admin panel"
    site_title = "Admin panel"
    index_title = "Admin panel"
    enable_nav_sidebar = False
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        if request.user.is_authenticated and not (request.user.is_active and request.user.is_staff):
            # A member learns no more than that nothing is here.
            raise Http404
        return super().has_permission(request)

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
        return [path("tools/", self.admin_view(self.tools), name="tools"), *known]

    def tools(self, request: HttpRequest) -> HttpResponse:
        return tools_page.tools(request, self.each_context(request))

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
        if tools_page.may_set(request):
            pages["tools"] = {"admin_url": reverse("admin:tools"), "add_url": None}
        own = [
            {**pages[name], "name": title, "description": description}
            for name, (title, description) in _PAGES.items()
            if name in pages
        ]
        return (
            [{"name": "The chat", "app_label": "conversations", "app_url": "", "models": own}] if own else []
        )
