"""Promise 3: deactivation, a lost role, sign-out and a new password take effect at once, streams included."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.test import Client

from conversations.generation.relay import hub
from conversations.generation.viewing import PING, View
from conversations.models import Conversation, User
from conversations.services import roles, titles
from conversations.services.roles import RoleName
from tests import factories


def deactivate(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


def change_password(person: User) -> None:
    person.set_password("another horse")
    person.save(update_fields=["password"])


def end_session(person: User) -> None:
    Session.objects.all().delete()


def give_away(person: User) -> None:
    Conversation.objects.filter(owner=person).update(owner=factories.person("heir"))


def remove_person_of_session(person: User) -> None:
    """Somebody else signs in with the same session."""
    session = Session.objects.get()
    store = session.get_session_store_class()(session.session_key)
    store["_auth_user_id"] = str(person.pk + 1000)
    store.save()


ENDS: list[Callable[[User], None]] = [
    deactivate,
    change_password,
    end_session,
    give_away,
    remove_person_of_session,
]


def open_stream(client: Client, conversation: Conversation) -> Iterator[bytes]:
    page = client.get(conversation.get_absolute_url()).context["events_url"]
    answer = client.get(page)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/event-stream"
    # Not answer.streaming_content: that can't be closed.
    return answer._iterator


def last_words(events: Iterator[bytes], *, chunks: int = 40) -> dict[str, str]:
    """Return the data of the stream's end; fail where it does not end."""
    for _, chunk in zip(range(chunks), events, strict=False):
        if chunk.startswith(b"event: end\n"):
            assert next(events, None) is None
            return json.loads(chunk.split(b"data: ")[1])
    raise AssertionError("the stream did not end")


# --- The stream -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS)
def test_an_ended_sign_in_ends_an_open_stream(
    streams: None, ada: User, ada_client: Client, end: Callable[[User], None]
) -> None:
    events = open_stream(ada_client, factories.ask(ada).conversation)
    assert PING in (next(events), next(events), next(events))

    end(ada)

    assert last_words(events) == {"reason": "signed-out"}
    assert hub.admitted == 0


def test_signing_out_in_another_tab_ends_an_open_stream(streams: None, ada: User, ada_client: Client) -> None:
    events = open_stream(ada_client, factories.ask(ada).conversation)
    next(events)

    ada_client.post("/logout/")

    assert last_words(events) == {"reason": "signed-out"}


def test_a_sign_in_that_stands_keeps_its_stream(streams: None, ada: User, ada_client: Client) -> None:
    events = open_stream(ada_client, factories.ask(ada).conversation)

    assert [next(events) for _ in range(6)].count(PING) >= 4
    events.close()
    assert hub.admitted == 0


def test_the_sign_in_is_looked_at_often_enough() -> None:
    # Twice: once to come round, once for a slow look.
    assert settings.STREAM_PING_SECONDS <= 15 / 1.5


def test_a_busy_stream_is_looked_at_as_often_as_a_quiet_one(streams: None, ada: User) -> None:
    """What comes just before the look is due must not put it off by a whole interval."""
    conversation = factories.ask(ada).conversation
    ended: list[float] = []
    view = View(
        conversation,
        cursor=f"r{conversation.revision}",
        render=lambda pk: None,
        may_go_on=lambda: bool(ended.append(time.monotonic())),
        ping_every=0.6,
    )
    events = view.events()
    next(events)
    began = time.monotonic()

    def disturb() -> None:
        titles.rename(conversation, title="New")
        hub.look(conversation.pk)

    # Two thirds of the interval are over when something comes; then it is quiet.
    time.sleep(0.4)
    disturb()
    for _ in events:
        pass

    assert ended[0] - began < 0.9


# --- The next request -----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [deactivate, change_password, end_session])
def test_an_ended_sign_in_gets_nothing_more(
    ada: User, ada_client: Client, end: Callable[[User], None]
) -> None:
    address = factories.ask(ada).conversation.get_absolute_url()
    assert ada_client.get(address).status_code == 200

    end(ada)

    assert ada_client.get(address).status_code == 302
    piece = ada_client.get(f"{address}messages/", headers={"HX-Request": "true"})
    assert piece.status_code == 401
    assert piece["HX-Redirect"].startswith("/login/?next=")
    assert ada_client.get(f"{address}events/").status_code == 401


@pytest.mark.parametrize("address", ["/admin/", "/admin/conversations/gatewaykey/", "/admin/jsi18n/"])
def test_who_lost_their_role_finds_no_panel(ada: User, ada_client: Client, staff: User, address: str) -> None:
    roles.give(ada, RoleName.ADMIN, by=staff)
    assert ada_client.get(address).status_code == 200

    roles.give(ada, RoleName.MEMBER, by=staff)

    assert ada_client.get(address).status_code == 404


def test_a_right_that_was_taken_ends_in_the_middle_of_a_form(ada: User, ada_client: Client) -> None:
    key = factories.gateway_key()
    roles.give(ada, RoleName.ADMIN, by=None)
    assert ada_client.get(f"/admin/conversations/gatewaykey/{key.pk}/change/").status_code == 200

    role = Group.objects.get(name=RoleName.ADMIN)
    role.permissions.remove(*role.permissions.filter(codename="manage_keys"))

    for name in ("change", "test", "sync", "enable", "disable", "delete"):
        answer = ada_client.post(f"/admin/conversations/gatewaykey/{key.pk}/{name}/", {"name": "Mine"})
        assert answer.status_code == 403


@pytest.mark.parametrize("end", [deactivate, change_password, end_session])
def test_an_ended_sign_in_ends_in_the_panel_too(
    staff: User, staff_client: Client, end: Callable[[User], None]
) -> None:
    assert staff_client.get("/admin/").status_code == 200

    end(staff)

    assert staff_client.get("/admin/")["Location"].startswith("/login/")
