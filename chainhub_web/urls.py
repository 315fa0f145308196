"""The addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("conversations.urls")),
]
handler400 = "conversations.views.errors.bad_request"
handler403 = "conversations.views.errors.forbidden"
handler404 = "conversations.views.errors.not_found"
handler500 = "conversations.views.errors.server_error"
