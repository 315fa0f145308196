"""Who gets in: every address of the site, walked as nobody, stranger, member and staff."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.http import urlsafe_base64_encode

from conversations.models import Attachment, Comparison, Message, Role, SignIn, ToolCall, User
from conversations.services import invites
from tests import factories

OPEN = {
    "login",
    "conversations:health",
    "conversations:ready",
    "forgot",
    "forgot_done",
    "new_password",
    "join",
}
PIECES = {
    "conversations:sidebar",
    "conversations:messages",
    "conversations:earlier",
    "conversations:later",
    "conversations:events",
    "conversations:own_events",
    "conversations:news",
    "conversations:upload",
    "conversations:attach_address",
    "conversations:remove_attachment",
    "conversations:stop",
    "conversations:stop_comparison",
    "conversations:decide",
    "conversations:new_draft",
    "conversations:draft",
    "conversations:line",
    "conversations:resume_line",
    "conversations:restore_waiting",
    "conversations:edit_waiting",
    "conversations:move_waiting",
    "conversations:remove_waiting",
    "conversations:usage_chart",
    "conversations:choose_prompt",
    "conversations:use_prompt",
    "conversations:mentions",
}
# Nothing of anybody is behind them: whoever is signed in gets an answer.
ANYBODYS = {
    "conversations:index",
    "conversations:send_first",
    "conversations:search",
    "conversations:account",
    "conversations:theme",
    "conversations:notify",
    "conversations:own_events",
    "conversations:end_other_sign_ins",
    "conversations:sidebar",
    "conversations:upload",
    "conversations:attach_address",
    "conversations:new_draft",
    "conversations:usage",
    "conversations:usage_table",
    "conversations:usage_chart",
    "conversations:prompts",
    "conversations:new_prompt",
    "conversations:choose_prompt",
    "conversations:assistants",
    "conversations:new_assistant",
    "conversations:mentions",
    "logout",
}

# These do not end by themselves; their parameters are tested with the relay.
STREAMS = {"conversations:events", "conversations:own_events"}


def chat_addresses() -> Iterator[tuple[str, URLPattern]]:
    """Yield the name and pattern of every address of the chat, from the URL table itself."""

    def walk(patterns: list, space: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                if pattern.namespace != "admin":
                    yield from walk(pattern.url_patterns, pattern.namespace or space)
            else:
                yield f"{space}:{pattern.name}" if space else pattern.name, pattern

    return walk(get_resolver().url_patterns, "")


NAMES = sorted(name for name, _ in chat_addresses())
PANEL = sorted(
    pattern.name
    for resolver in get_resolver().url_patterns
    if isinstance(resolver, URLResolver) and resolver.namespace == "admin"
    for pattern in resolver.url_patterns
    if isinstance(pattern, URLPattern) and pattern.name and not pattern.pattern.regex.groups
)


@pytest.fixture
def of_ada(ada: User) -> dict[str, str]:
    """Something of Ada's for each kind of id."""
    turn = factories.ask(ada)
    part = turn.answer.parts.create(position=0, kind="tool_call")
    call = ToolCall.objects.create(
        generation=factories.generation_of(turn), part=part, round=0, position=0, name="current_time"
    )
    picture = Attachment.objects.create(
        owner=ada, source_url="https://example.com/a.png", message=turn.question
    )
    owner = factories.person("owner-of-the-invite", is_superuser=True)
    made_invite = invites.make(by=owner, public_id=uuid.uuid4(), role="Member", days=1)
    return {
        "c": turn.conversation.public_id,
        "m": turn.answer.public_id,
        "attachments": picture.public_id,
        "tools": call.public_id,
        "line": factories.in_line(ada, turn.conversation).public_id,
        "compare": Comparison.objects.create(question=turn.question, made_by=ada).public_id,
        "prompts": factories.prompt(ada).public_id,
        "assistants": factories.assistant(ada).public_id,
        "account": SignIn.objects.create(person=ada, session_key="of-ada").public_id,
        "invite": made_invite.token,
        "reset": (urlsafe_base64_encode(str(ada.pk).encode()), default_token_generator.make_token(ada)),
    }


def address_of(name: str, ids: dict[str, str]) -> str:
    pattern = dict(chat_addresses())[name]
    if not pattern.pattern.converters:
        return reverse(name)
    kind = str(pattern.pattern).split("/")[0]
    found = ids[kind]
    return reverse(name, args=found if isinstance(found, tuple) else [found])


def ask(client: Client, method: str, address: str) -> int:
    return client.generic(method, address).status_code


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_gets_the_sign_in_and_a_piece_of_a_page_is_401(
    name: str, method: str, of_ada: dict[str, str]
) -> None:
    address = address_of(name, of_ada)

    answer = Client().generic(method, address)

    if name in OPEN:
        assert answer.status_code in (200, 302, 405, 422, 503)
        assert not answer.get("Location", "").startswith("/login/")
    elif name in PIECES:
        assert answer.status_code == 401
    else:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")


@pytest.mark.parametrize("name", sorted(set(NAMES) - OPEN - ANYBODYS - {"login"}))
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_a_stranger_finds_nothing_of_somebody_elses(
    name: str, method: str, of_ada: dict[str, str], eve_client: Client
) -> None:
    status = ask(eve_client, method, address_of(name, of_ada))

    # 405 says only which methods an address knows, and the same to everybody.
    assert status in (404, 405)
    if status == 405:
        made_up = {kind: uuid.uuid4() for kind in of_ada}
        assert ask(eve_client, method, address_of(name, made_up)) == 405


@pytest.mark.parametrize("name", sorted(set(NAMES) - OPEN - ANYBODYS))
def test_staff_finds_nothing_of_somebody_elses_either(
    name: str, of_ada: dict[str, str], staff_client: Client
) -> None:
    assert {ask(staff_client, method, address_of(name, of_ada)) for method in ("GET", "POST")} <= {404, 405}


@pytest.mark.parametrize("name", PANEL)
def test_the_panel_sends_nobody_to_the_sign_in_and_a_member_nowhere(
    name: str, ada_client: Client, staff_client: Client
) -> None:
    address = reverse(f"admin:{name}")

    assert Client().get(address)["Location"].startswith("/login/")
    assert ask(ada_client, "GET", address) == 404
    assert ask(staff_client, "GET", address) < 500


@pytest.mark.parametrize("name", sorted(set(NAMES) - STREAMS))
@pytest.mark.parametrize(
    "parameters", ["?before=%00&q=%27%22NEAR(&page=-1", "?cursor=r9-1.2-x&page=99999999999", "?q=a:b"]
)
def test_hostile_parameters_never_break_a_page(
    name: str, parameters: str, of_ada: dict[str, str], ada_client: Client
) -> None:
    assert ada_client.get(address_of(name, of_ada) + parameters).status_code in (200, 302, 404, 405, 503)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {
            "send_id": "\x00",
            "text": "\x00",
            "model": "\x00",
            "attachments": "x",
            "title": "\x00",
            "url": "\x00",
        },
        {"send_id": str(uuid.uuid4()), "text": "x" * 10, "attachments": [str(uuid.uuid4())] * 30},
        {
            "temperature": "1e999",
            "max_tokens": "-1",
            "reasoning_effort": "?",
            "theme": "x",
            "time_zone": "../x",
        },
    ],
)
def test_hostile_forms_never_break_a_page(
    name: str, body: dict, of_ada: dict[str, str], ada_client: Client
) -> None:
    assert ada_client.post(address_of(name, of_ada), body).status_code < 500


def test_a_deactivated_person_is_out_at_the_next_request(ada: User, ada_client: Client) -> None:
    assert ada_client.get("/").status_code == 200

    User.objects.filter(pk=ada.pk).update(is_active=False)

    assert ada_client.get("/").status_code == 302


def test_a_changed_password_ends_the_other_sign_ins(ada: User, ada_client: Client) -> None:
    ada.set_password("another horse")
    ada.save()

    assert ada_client.get("/").status_code == 302


def test_signing_out_clears_what_the_browser_kept(ada_client: Client) -> None:
    answer = ada_client.post("/logout/")

    assert answer.status_code == 302
    assert "storage" in answer["Clear-Site-Data"]
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_next_stays_on_this_host(ada: User, target: str) -> None:
    answer = Client().post(
        f"/login/?next={target}", {"username": "ada", "password": "correct horse", "next": target}
    )

    assert answer.status_code == 302
    assert answer["Location"] == "/"


def test_next_leads_back(ada: User) -> None:
    answer = Client().post(
        "/login/", {"username": "ada", "password": "correct horse", "next": "/search/?q=x"}
    )

    assert answer["Location"] == "/search/?q=x"


@pytest.mark.parametrize("by", ["name", "address"])
def test_the_sign_in_is_throttled_on_failures(ada: User, bob: User, by: str) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        name, address = ("ada", f"10.0.0.{number}") if by == "name" else (f"nobody{number}", "10.0.0.1")
        Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": "wrong"})

    name, address = ("ada", "10.0.1.1") if by == "name" else ("bob", "10.0.0.1")
    answer = Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": "correct horse"})

    assert answer.status_code == 429
    other = Client(REMOTE_ADDR="10.0.2.2").post("/login/", {"username": "bob", "password": "correct horse"})
    assert other.status_code == 302


def test_a_forwarded_address_is_believed_from_a_named_proxy_only(
    ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    Client(REMOTE_ADDR="10.0.0.9").post(
        "/login/", {"username": "x", "password": "wrong"}, headers={"X-Forwarded-For": "10.9.9.9"}
    )
    free = Client(REMOTE_ADDR="10.9.9.9").post("/login/", {"username": "ada", "password": "correct horse"})
    assert free.status_code == 302

    settings.TRUSTED_PROXIES = ["10.0.0.8"]
    Client(REMOTE_ADDR="10.0.0.8").post(
        "/login/", {"username": "y", "password": "wrong"}, headers={"X-Forwarded-For": "1.1.1.1, 10.8.8.8"}
    )
    caught = Client(REMOTE_ADDR="10.8.8.8").post("/login/", {"username": "ada", "password": "correct horse"})
    assert caught.status_code == 429


@pytest.mark.parametrize("address", ["/", "/login/", "/search/", "/account/"])
def test_every_page_has_the_strict_policy_and_nothing_inline(address: str, ada_client: Client) -> None:
    answer = ada_client.get(address, follow=True)

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    html = answer.content.decode()
    assert " style=" not in html
    assert "<style" not in html
    assert " onclick=" not in html
    assert "<script>" not in html
    assert answer["Cache-Control"] == "no-store, private" or "no-store" in answer["Cache-Control"]


def test_a_foreign_message_is_no_way_into_ones_own_conversation(
    ada: User, eve: User, eve_client: Client
) -> None:
    hers = factories.ask(ada)
    own = factories.ask(eve)
    draft = Attachment.objects.create(owner=ada, source_url="https://example.com/secret.png")

    answer = eve_client.post(
        "/send/", {"send_id": str(uuid.uuid4()), "text": "Mine?", "attachments": [draft.public_id]}
    )

    assert answer.status_code == 422
    draft.refresh_from_db()
    assert draft.message is None
    assert eve_client.post(f"/m/{hers.answer.public_id}/show/").status_code == 404
    assert Message.objects.filter(conversation=own.conversation, role=Role.USER).count() == 1
