"""Promises 7 and 9: what people and models write drives nothing and loads nothing, wherever it is shown."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from conversations.generation.relay import hub
from conversations.models import (
    Attachment,
    Conversation,
    GatewayKey,
    Generation,
    GenerationEvent,
    GenerationState,
    KeyModel,
    Message,
    Model,
    Part,
    PartKind,
    Send,
    User,
)
from conversations.rendering import markdown
from conversations.rendering.streaming import BlockStream
from conversations.services import marks, tree
from conversations.services.accepting import Turn
from tests import factories
from tests.promises.pages import PageReader, drives_something, is_ours
from tests.rendering.inspection import inspect
from tests.rendering.texts import HOSTILE

# Short, so that it fits into titles and names; everything that would open a door.
SHORT = (
    "\"'><img src=//evil.example/x onerror=alert(1)><hx-partial hx-target=body>"
    "</template></textarea></title></script><script>alert(1)</script><b id=messages hx-get=/logout/ "
    "data-hx-post=x hx-swap-oob=true style=x class=toast name=forms form=composer>{{ x }}{% x %}\r\rdata: x"
)
# Neither the page nor the gateway lets half a surrogate or a NUL through to the tables.
LONG = "\n\n".join([SHORT, *HOSTILE]).encode(errors="replace").decode().replace("\0", "")
PLAIN = "evil words"
KINDS = [PartKind.TEXT, PartKind.THINKING, PartKind.REFUSAL, PartKind.DISCARDED]


def written(owner: User, *, short: str, long: str, state: GenerationState) -> Turn:
    """A turn in which every place that takes somebody's words holds them."""
    User.objects.filter(pk=owner.pk).update(first_name=short[:150], last_name=short[:150])
    owner.refresh_from_db()
    turn = factories.ask(owner, long, model_name=_model(short))
    Conversation.objects.filter(pk=turn.conversation.pk).update(
        title=short[:200], parameters={"system": long, "temperature": 1}
    )
    for position, kind in enumerate(KINDS):
        Part.objects.create(
            message=turn.answer,
            position=position,
            kind=kind,
            text=long,
            html=markdown.render(long),
            html_version=markdown.VERSION,
        )
    for message in (turn.question, turn.answer):
        Attachment.objects.create(
            owner=owner, message=message, source_url="https://evil.example/x.png", name=short[:200]
        )
    Attachment.objects.create(owner=owner, source_url="https://evil.example/x.png", name=short[:200])
    Generation.objects.filter(message=turn.answer).update(
        state=state,
        error_text=short[:500],
        error_detail=long[:4000],
        finish_reason="length" if state == GenerationState.SUCCEEDED else "",
        ended_at=timezone.now(),
    )
    return turn


def _model(short: str) -> str:
    key = factories.gateway_key(short[:60], note=short)
    name = "m-" + re.sub(r"\s", "", short)[:150]
    factories.model(name, key=key, display_name=short[:100], description=short[:200], is_default=True)
    return name


def shown(client: Client, turn: Turn, short: str) -> dict[str, str]:
    """Return each page and piece on which the words stand."""
    here = turn.conversation.get_absolute_url()
    htmx = {"HX-Request": "true"}
    draft = Attachment.objects.get(message=None)
    refused = {
        "send_id": str(uuid.uuid4()),
        "text": short,
        "model": short[:200],
        "attachments": draft.public_id,
    }
    answers = {
        "page": client.get(here),
        "part": client.get(here, headers=htmx),
        "messages": client.get(f"{here}messages/", headers=htmx),
        "empty page": client.get("/"),
        "sidebar": client.get("/sidebar/", headers=htmx),
        "sidebar, searched": client.get("/sidebar/", {"q": short[:200]}, headers=htmx),
        "search": client.get("/search/", {"q": "evil"}),
        "search for itself": client.get("/search/", {"q": short[:200]}),
        "rename": client.get(f"{here}title/", headers=htmx),
        "renamed": client.post(f"{here}title/", {"title": short[:200]}, headers=htmx),
        "not renamed": client.post(f"{here}title/", {"title": short + "x" * 200}, headers=htmx),
        "settings": client.get(f"{here}settings/", headers=htmx),
        "no settings": client.post(f"{here}settings/", {"model": short, "temperature": short}, headers=htmx),
        "account": client.get("/account/"),
        "no account": client.post("/account/", {"save": "account", "first_name": short + "x" * 200}),
        "refused": client.post(f"{here}send/", refused, headers=htmx),
        "refused page": client.post("/send/", refused | {"send_id": str(uuid.uuid4())}),
        "no version": client.post(
            f"/m/{turn.answer.public_id}/regenerate/",
            {"send_id": str(uuid.uuid4()), "model_name": short[:200]},
            headers=htmx,
        ),
        "sign-in": Client().post("/login/", {"username": short[:150], "password": "x", "next": short}),
        "nothing here": client.get("/c/" + re.sub(r"[?#%]", "", short)),
        "deleted": client.post(f"{here}delete/", headers=htmx),
        "restored": client.post(f"{here}restore/", follow=True),
    }
    return {name: answer.content.decode() for name, answer in answers.items()}


def panel(client: Client, turn: Turn) -> dict[str, str]:
    generation = Generation.objects.select_related("model").get(message=turn.answer)
    key = generation.model.keys.get()
    pages = [
        "/admin/", "/admin/conversations/gatewaykey/", "/admin/conversations/model/",
        "/admin/conversations/user/", f"/admin/conversations/gatewaykey/{key.pk}/change/",
        f"/admin/conversations/gatewaykey/{key.pk}/delete/",
        f"/admin/conversations/gatewaykey/{key.pk}/history/",
        f"/admin/conversations/model/{generation.model.pk}/change/",
        f"/admin/conversations/user/{generation.asked_by_id}/change/",
        f"/admin/conversations/user/{generation.asked_by_id}/password/",
    ]  # fmt: skip
    return {page: client.get(page).content.decode() for page in pages}


@pytest.mark.parametrize("state", ["succeeded", "failed", "interrupted", "stopped"])
def test_a_page_is_made_of_the_same_elements_whatever_stands_in_it(
    ada: User, bob: User, ada_client: Client, bob_client: Client, staff_client: Client, state: GenerationState
) -> None:
    """Harmless words and hostile ones: outside of the rendered texts not one element or attribute differs."""
    hostile = written(ada, short=SHORT, long=LONG, state=state)
    hostile_pages = shown(ada_client, hostile, SHORT) | panel(staff_client, hostile)
    forget_everything()
    plain = written(bob, short=PLAIN, long=PLAIN, state=state)
    plain_pages = shown(bob_client, plain, PLAIN) | panel(staff_client, plain)

    for (name, html), other in zip(hostile_pages.items(), plain_pages.values(), strict=True):
        page, harmless = PageReader(html), PageReader(other)
        assert _counted(page) == _counted(harmless), name
        assert [tag for tag in page.prose if drives_something(*tag)] == [], name
        assert [address for address in page.loads if not is_ours(address)] == [], name
    assert "evil.example" in PageReader(hostile_pages["page"]).text


def forget_everything() -> None:
    Conversation.objects.update(current_leaf=None, model=None)
    for message in Message.objects.order_by("-depth"):
        message.delete()
    for model in (Attachment, Send, Conversation, KeyModel, Model, GatewayKey, LogEntry):
        model.objects.all().delete()


def _counted(page: PageReader) -> dict[tuple, int]:
    counts: dict[tuple, int] = {}
    for element in page.frame:
        counts[element] = counts.get(element, 0) + 1
    return counts


# --- Live ---------------------------------------------------------------------------------------------


def read_as_a_browser(chunks: bytes) -> list[tuple[str, str]]:
    """Parse an event stream by the standard: a lone CR ends a line, too."""
    events, name, data = [], "", []
    for line in re.split(r"\r\n|\r|\n", chunks.decode()):
        if not line:
            if data:
                events.append((name, "\n".join(data)))
            name, data = "", []
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
    return events


@pytest.mark.parametrize("kind", ["text", "thinking"])
def test_hostile_text_stays_in_its_event_while_it_streams_and_at_its_end(
    streams: None, ada: User, ada_client: Client, kind: str
) -> None:
    turn = factories.ask(ada, SHORT)
    Conversation.objects.filter(pk=turn.conversation.pk).update(title=SHORT[:200])
    cursor = ada_client.get(turn.conversation.get_absolute_url()).context["events_url"]
    generation = Generation.objects.get(message=turn.answer)
    Generation.objects.filter(pk=generation.pk).update(
        state=GenerationState.RUNNING,
        lease_owner=uuid.uuid4(),
        lease_until=timezone.now() + timedelta(minutes=1),
    )
    blocks = BlockStream()
    pieces = [LONG[start : start + 97] for start in range(0, len(LONG), 97)]
    for seq, piece in enumerate(pieces, start=1):
        change = blocks.feed(piece)
        part = {"position": 0, "kind": kind, "text": piece, "closed": change.closed}
        part |= {"open": change.open_html} if change.open_html is not None else {}
        part |= {"append": change.open_append} if change.open_append else {}
        data = {"parts": [part], "note": SHORT}
        GenerationEvent.objects.create(generation=generation, seq=seq, data=data)

    answer = ada_client.get(cursor)
    stream = answer._iterator
    chunks = b"".join(next(stream) for _ in range(3))
    Part.objects.create(message=turn.answer, position=0, kind=kind, text=LONG)
    Generation.objects.filter(pk=generation.pk).update(
        state=GenerationState.FAILED, lease_owner=None, lease_until=None, ended_at=timezone.now(),
        error_text=SHORT, error_detail=LONG[:4000],
    )  # fmt: skip
    hub.look(turn.conversation.pk)
    for _ in range(20):
        chunks += next(stream)
        if b"event: message" in chunks:
            break
    stream.close()

    events = read_as_a_browser(chunks)
    assert {name for name, _ in events} == {"step", "message", "list"}
    assert [name for name, _ in events].count("step") == len(pieces)
    for name, data in events:
        told = json.loads(data)
        if name == "step":
            (part,) = told["parts"]
            inspect(part.get("closed", ""))
            inspect(part.get("open", ""))
            assert "text" not in part
        elif name == "list":
            assert_is_a_list_of_text(told, {str(turn.conversation.public_id): SHORT[:200]})
        else:
            page = PageReader(told["html"])
            assert [tag for tag in page.prose if drives_something(*tag)] == []
            assert [address for address in page.loads if not is_ours(address)] == []
            assert {tag for tag, _ in page.frame}.isdisjoint({"script", "b", "hx-partial", "iframe"})


def assert_is_a_list_of_text(told: dict[str, object], expected: dict[str, str]) -> None:
    """Check that an event of the list tells `expected`, the words as they are, and nothing else of anybody's.

    Of all else that it tells, the server chooses every word; `html` would be drawn as it is.
    """
    assert set(told) <= {"version", "rows", "order", "more"}
    assert datetime.fromisoformat(told["version"])
    assert told.get("more", False) is False
    assert sorted(told.get("order", expected)) == sorted(expected)
    assert {row["id"]: row["title"] for row in told["rows"]} == expected
    for row in told["rows"]:
        assert set(row) == {"id", "title", "mark", "words", "temporary"}
        assert (row["mark"], row["words"]) in {("", ""), *marks.Mark.choices}
        assert row["temporary"] is False


@pytest.mark.parametrize("page", ["of a conversation", "of none"])
def test_a_hostile_title_stays_in_its_event_in_the_list_and_above_the_conversation(
    streams: None, ada: User, bob: User, ada_client: Client, page: str
) -> None:
    turn, other = factories.ask(ada, "Plain"), factories.ask(ada, SHORT)
    factories.ask(bob, "bob's own words")
    factories.end(turn)
    factories.end(other)
    here = turn.conversation.get_absolute_url() if page == "of a conversation" else "/"
    ids = [str(one.conversation.public_id) for one in (turn, other)]
    hostile = f"{SHORT[:150]}\r\n\n\u2028\u2029\x85\x0b\x0cevent: end\ndata: {{}}"
    stream = ada_client.get(f"{here}events/")._iterator
    chunks = b""
    while b"event: list" not in chunks:
        chunks += next(stream)

    # As no form lets it through.
    tree.touch(turn.conversation, title=hostile)
    for _ in range(20):
        chunks += next(stream)
        if chunks.count(b"event: list") >= 2:
            break
    stream.close()

    # Nothing of it ends a line, wherever a reader of the stream may see one.
    assert not re.search("[\r\u2028\u2029\x85\x0b\x0c]", chunks.decode())
    events = [(name, json.loads(data)) for name, data in read_as_a_browser(chunks)]
    named = [name for name, _ in events if name != "tree"]
    assert sorted(named) == ["list", "list", *(["title"] if page == "of a conversation" else [])]
    first, second = (told for name, told in events if name == "list")
    assert_is_a_list_of_text(first, {ids[0]: "Plain", ids[1]: str(other.conversation)})
    assert_is_a_list_of_text(second, {ids[0]: hostile})
    for told in (told for name, told in events if name == "title"):
        assert told == {"conversation": ids[0], "title": hostile}
    assert "bob" not in chunks.decode()


# --- 9: what loads ---------------------------------------------------------------------------------------


def test_the_policy_lets_nothing_foreign_in(ada_client: Client) -> None:
    policy = ada_client.get("/")["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())

    assert directives.pop("img-src") == "'self' blob:"
    for name in ("default-src", "base-uri", "frame-ancestors"):
        assert directives.pop(name) == "'none'"
    assert set(directives.values()) == {"'self'"}


def test_a_refused_page_names_no_foreign_host(db: None) -> None:
    page = PageReader(Client().get("/login/").content.decode())

    assert [address for address in page.loads if not is_ours(address)] == []
