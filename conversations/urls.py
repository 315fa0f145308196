"""The addresses of the chat, by name."""

from __future__ import annotations

from django.urls import include, path

from conversations.views import account, health, media, messages, organising, pages, signing_in, stream, tools

chat = [
    path("", pages.index, name="index"),
    path("send/", messages.send_first, name="send_first"),
    path("sidebar/", organising.sidebar, name="sidebar"),
    path("search/", organising.search, name="search"),
    path("account/", account.account, name="account"),
    path("account/theme/", account.theme, name="theme"),
    path("c/<uuid:public_id>/", pages.detail, name="detail"),
    path("c/<uuid:public_id>/send/", messages.send, name="send"),
    path("c/<uuid:public_id>/messages/", pages.messages, name="messages"),
    path("c/<uuid:public_id>/events/", stream.events, name="events"),
    path("c/<uuid:public_id>/title/", organising.rename, name="rename"),
    path("c/<uuid:public_id>/delete/", organising.delete, name="delete"),
    path("c/<uuid:public_id>/restore/", organising.restore, name="restore"),
    path("c/<uuid:public_id>/settings/", organising.settings, name="settings"),
    path("m/<uuid:public_id>/stop/", messages.stop, name="stop"),
    path("m/<uuid:public_id>/retry/", messages.retry, name="retry"),
    path("m/<uuid:public_id>/regenerate/", messages.regenerate, name="regenerate"),
    path("m/<uuid:public_id>/show/", messages.show_version, name="show_version"),
    path("tools/<uuid:public_id>/decide/", tools.decide, name="decide"),
    path("attachments/", media.upload, name="upload"),
    path("attachments/address/", media.attach_address, name="attach_address"),
    path("attachments/<uuid:public_id>/", media.attachment, name="attachment"),
    path("attachments/<uuid:public_id>/thumbnail/", media.thumbnail, name="thumbnail"),
    path("attachments/<uuid:public_id>/remove/", media.remove_attachment, name="remove_attachment"),
    path("healthz", health.health, name="health"),
    path("readyz", health.ready, name="ready"),
]

urlpatterns = [
    path("login/", signing_in.SignIn.as_view(), name="login"),
    path("logout/", signing_in.SignOut.as_view(), name="logout"),
    path("", include((chat, "conversations"))),
]
