"""The one event stream of an open page: of its conversation, and of the person's list."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db import DatabaseError
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET, require_safe

from conversations.generation.relay import hub
from conversations.generation.sidebar import Sidebar
from conversations.generation.viewing import Rendered, View
from conversations.models import Conversation, Message, User
from conversations.services import access, connections, marks, roles, turns
from conversations.views.htmx import HtmxRequest, fragment


@fragment
@require_GET
def events(request: HtmxRequest, public_id: UUID) -> HttpResponseBase:
    """Follow a conversation, and the person's list, until the page closes."""
    return _stream(request, access.conversation_for(request.user, public_id))


@fragment
@require_GET
def own_events(request: HtmxRequest) -> HttpResponseBase:
    """Follow the person's list alone: for a page without a conversation."""
    return _stream(request, None)


@fragment
@require_safe
def news(request: HtmxRequest, public_id: UUID) -> HttpResponse:
    """What a tab asks now and then that nobody sees, while its answer is made: it has no stream."""
    conversation = access.conversation_for(request.user, public_id)
    return JsonResponse({"title": str(conversation), **asdict(marks.news_of(conversation))})


def _stream(request: HtmxRequest, conversation: Conversation | None) -> HttpResponseBase:
    """Answer the stream, or 503 where too many are open: the page polls."""
    person = request.user.pk
    if not hub.admit(person, most=settings.STREAMS_MAX, most_each=settings.STREAMS_MAX_PER_PERSON):
        busy = HttpResponse("Too many live pages are open.", status=503, content_type="text/plain")
        busy["Retry-After"] = "30"
        return busy
    view = View(
        conversation,
        cursor=request.headers.get("Last-Event-ID") or request.GET.get("cursor", ""),
        render=_renderer(request, conversation),
        sidebar=Sidebar(request.user, version=request.GET.get("list", "")[:40]),
        may_go_on=_sign_in_check(request, conversation),
        ping_every=settings.STREAM_PING_SECONDS,
    )
    response = StreamingHttpResponse(_Admitted(view, person), content_type="text/event-stream")
    response["Cache-Control"] = "no-store, private"
    # A proxy that buffers would hold the tokens back.
    response["X-Accel-Buffering"] = "no"
    return response


class _Admitted:
    """The stream of an admitted page; its place is given back however it ends, also before its first byte."""

    def __init__(self, view: View, person_id: int) -> None:
        self._view = view
        self._person_id: int | None = person_id

    def __iter__(self) -> Iterator[bytes]:
        # The view has touched the ORM.
        connections.let_go()
        try:
            yield from self._view.events()
        finally:
            self.close()

    def close(self) -> None:
        person_id, self._person_id = self._person_id, None
        if person_id is not None:
            hub.release(person_id)


def _renderer(request: HtmxRequest, conversation: Conversation | None) -> Callable[[int], Rendered | None]:
    viewer = request.user

    def render(message_pk: int) -> Rendered | None:
        message = Message.objects.filter(pk=message_pk, conversation=conversation, deleted_at=None)
        shown = turns.shown(message.select_related("conversation"), viewer=viewer)
        if not shown:
            return None
        # A stream lives long: what the viewer may is asked anew for each message.
        roles.forget(viewer)
        may = roles.May(viewer)
        context = {"message": shown[0], "conversation": conversation, "user": viewer, "may": may}
        html = render_to_string("conversations/partials/_message.html", context)
        return Rendered(shown[0].id, shown[0].state, html, shown[0].seq)

    return render


def _sign_in_check(request: HtmxRequest, conversation: Conversation | None) -> Callable[[], bool]:
    """Return what tells whether this sign-in still stands, and may still read the conversation."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session_key = request.session.session_key
    user_pk = request.user.pk

    def may_go_on() -> bool:
        try:
            session = store(session_key).load() if session_key else {}
            user = User.objects.filter(pk=user_pk, is_active=True).first()
            if user is None or str(session.get(SESSION_KEY, "")) != str(user_pk):
                return False
            if not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
                return False
            readable = Conversation.objects.visible_to(user)
            return conversation is None or readable.filter(pk=conversation.pk).exists()
        except DatabaseError:
            # A database that is away for a moment ends no stream: nothing is shown without it anyway.
            time.sleep(0.1)
            return True

    return may_go_on
