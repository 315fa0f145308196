"""Promises 1 and 4: every id is found through what the asker may use; a send id is its sender's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from conversations.models import Attachment, Conversation, Generation, GenerationState, Message, User
from conversations.services import files, organising
from tests import factories
from tests.services.pictures import picture
from tests.test_doors import ANYBODYS, NAMES, OPEN, address_of, chat_addresses

OWNED = sorted(set(NAMES) - OPEN - ANYBODYS - {"login"})
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get"]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/", "HX-Target": "messages"}


def rows() -> dict[str, list[dict[str, object]]]:
    """Everything that the product has stored."""
    return {
        model._meta.label: list(model.objects.order_by("pk").values())
        for model in apps.get_app_config("conversations").get_models()
    }


def bodies(ids: dict[str, uuid.UUID]) -> Iterator[tuple[str, bytes]]:
    """Yield the content types and bodies in which somebody might name what is not theirs."""
    named = {
        "send_id": str(uuid.uuid4()), "text": "Mine now", "model": "", "model_name": "", "title": "Mine now",
        "attachments": str(ids["attachments"]), "attachment_ids": str(ids["attachments"]),
        "parent": str(ids["m"]), "message": str(ids["m"]), "conversation": str(ids["c"]),
        "public_id": str(ids["c"]), "owner": "1", "id": "1", "pk": "1", "decision": "allow",
    }  # fmt: skip
    yield "application/json", json.dumps(named).encode()
    form = "&".join(f"{name}={value}" for name, value in named.items())
    yield "application/x-www-form-urlencoded", form.encode()


# --- 1: as stranger, member of staff, on every address, with every method and body -------------------


@pytest.mark.parametrize("name", OWNED)
def test_a_stranger_reads_and_changes_nothing_by_any_method_and_body(
    name: str, of_ada: dict[str, uuid.UUID], eve_client: Client, staff_client: Client
) -> None:
    address = address_of(name, of_ada)
    before = rows()

    for client in (eve_client, staff_client):
        for method in METHODS:
            for headers in ({}, HTMX | {"X-HTTP-Method-Override": "POST"}):
                for content_type, body in bodies(of_ada):
                    answer = client.generic(method, address, body, content_type=content_type, headers=headers)
                    assert answer.status_code in (404, 405), (method, headers)
                    assert b"monad" not in answer.content

    assert rows() == before


@pytest.mark.parametrize("name", OWNED)
def test_an_id_of_another_kind_finds_nothing(
    name: str, of_ada: dict[str, uuid.UUID], ada_client: Client
) -> None:
    kinds = list(of_ada)
    before = rows()

    for shift in range(1, len(kinds)):
        turned = {kind: of_ada[kinds[(place + shift) % len(kinds)]] for place, kind in enumerate(kinds)}
        for method in ("GET", "POST"):
            assert ada_client.generic(method, address_of(name, turned)).status_code in (404, 405)

    assert rows() == before


@pytest.mark.parametrize("name", OWNED)
def test_what_was_deleted_is_found_by_nothing_but_its_undo(
    name: str, of_ada: dict[str, uuid.UUID], ada_client: Client
) -> None:
    organising.delete(Conversation.objects.get(public_id=of_ada["c"]))

    answers = {ada_client.generic(method, address_of(name, of_ada)).status_code for method in ("GET", "POST")}

    assert answers <= ({302, 405} if name == "conversations:restore" else {404, 405})


def test_the_walk_knows_every_address_that_takes_an_id(of_ada: dict[str, uuid.UUID]) -> None:
    with_ids = {name for name, pattern in chat_addresses() if pattern.pattern.converters}

    assert with_ids <= set(OWNED)
    # Whoever adds a kind of id adds a row of it to `of_ada`.
    kinds = {str(dict(chat_addresses())[name].pattern).split("/")[0] for name in with_ids}
    assert kinds == set(of_ada)


# --- 1: a foreign child under one's own parent ------------------------------------------------------


@pytest.fixture
def two_owners(ada: User, eve: User, settings: pytest.FixtureRequest, tmp_path: object) -> dict[str, object]:
    """Of each, what the other must not get: a turn, a draft, a picture that was sent."""
    settings.MEDIA_ROOT = tmp_path
    found: dict[str, object] = {}
    for person in (ada, eve):
        name = person.username
        found[f"{name}_turn"] = turn = factories.ask(person, f"{name}'s question")
        upload = SimpleUploadedFile("a.png", picture())
        found[f"{name}_draft"] = files.store_picture(person, upload=upload, name=f"{name}.png")
        found[f"{name}_sent"] = Attachment.objects.create(
            owner=person, source_url=f"https://{name}.example/", name=f"{name}.example", message=turn.question
        )
    Generation.objects.update(state=GenerationState.SUCCEEDED, ended_at=timezone.now())
    return found


def send(client: Client, address: str, **fields: object) -> object:
    return client.post(address, {"send_id": str(uuid.uuid4()), "text": "Look", "model": ""} | fields)


@pytest.mark.parametrize("foreign", ["ada_draft", "ada_sent"])
@pytest.mark.parametrize("own", ["", "eve_draft"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_foreign_attachment_goes_into_no_message_of_ones_own(
    two_owners: dict, eve_client: Client, foreign: str, own: str, headers: dict
) -> None:
    ids = [two_owners[name].public_id for name in (own, foreign) if name]
    address = two_owners["eve_turn"].conversation.get_absolute_url()
    before = rows()

    for path in ("/send/", f"{address}send/"):
        body = {"send_id": str(uuid.uuid4()), "text": "Look", "model": "", "attachments": ids}
        answer = eve_client.post(path, body, headers=headers)

        assert answer.status_code == 422
        assert b"ada.png" not in answer.content
        assert b"ada.example" not in answer.content

    assert rows() == before


def test_ones_own_attachment_that_was_sent_is_not_sent_again(two_owners: dict, eve_client: Client) -> None:
    answer = send(eve_client, "/send/", attachments=[two_owners["eve_sent"].public_id])

    assert answer.status_code == 422


@pytest.mark.parametrize("verb", ["stop", "retry", "regenerate", "show"])
def test_a_foreign_message_is_found_by_no_verb(two_owners: dict, eve_client: Client, verb: str) -> None:
    before = rows()

    for message in (two_owners["ada_turn"].question, two_owners["ada_turn"].answer):
        answer = send(eve_client, f"/m/{message.public_id}/{verb}/")
        assert answer.status_code == 404

    assert rows() == before


@pytest.mark.parametrize("verb", ["stop", "retry", "regenerate"])
def test_a_question_is_no_answer(two_owners: dict, eve_client: Client, verb: str) -> None:
    address = f"/m/{two_owners['eve_turn'].question.public_id}/{verb}/"

    assert send(eve_client, address).status_code == 404


def test_fields_that_no_form_has_move_nothing_between_owners(
    two_owners: dict, ada: User, eve: User, eve_client: Client
) -> None:
    hers = two_owners["ada_turn"]

    send(
        eve_client,
        f"{two_owners['eve_turn'].conversation.get_absolute_url()}send/",
        conversation=hers.conversation.public_id,
        parent=hers.answer.public_id,
        owner=ada.pk,
        author=ada.pk,
    )

    new = Message.objects.filter(role="user").latest("id")
    assert (new.conversation, new.author) == (two_owners["eve_turn"].conversation, eve)
    assert hers.conversation.messages.count() == 2


def test_a_picture_that_a_text_names_is_shown_to_whom_it_belongs_only(
    two_owners: dict, eve_client: Client
) -> None:
    draft = two_owners["ada_draft"]
    answer = send(eve_client, "/send/", text=f"![x](attachment:{draft.public_id})")

    assert f"/attachments/{draft.public_id}/".encode() in eve_client.get(answer["Location"]).content
    assert eve_client.get(f"/attachments/{draft.public_id}/").status_code == 404
    assert eve_client.get(f"/attachments/{draft.public_id}/thumbnail/").status_code == 404


def test_a_model_that_is_not_offered_is_found_by_nobody(two_owners: dict, eve_client: Client) -> None:
    factories.model("hidden", is_enabled=False)
    address = two_owners["eve_turn"].conversation.get_absolute_url()

    assert send(eve_client, "/send/", model="hidden").status_code == 422
    assert eve_client.post(f"{address}settings/", {"model": "hidden"}).status_code == 422
    regenerate = f"/m/{two_owners['eve_turn'].answer.public_id}/regenerate/"
    send(eve_client, regenerate, model_name="hidden")
    assert not Generation.objects.filter(model_name="hidden").exists()


def test_the_panel_leads_from_no_number_to_a_conversation(two_owners: dict, staff_client: Client) -> None:
    for model in apps.get_models():
        kind = ContentType.objects.get_for_model(model)
        for pk in (1, 2, two_owners["ada_turn"].conversation.pk):
            assert staff_client.get(f"/admin/r/{kind.pk}/{pk}/").status_code == 404


# --- 4: send ids --------------------------------------------------------------------------------------


def test_a_foreign_send_id_returns_and_blocks_nothing(
    two_owners: dict, ada: User, eve_client: Client
) -> None:
    send_id = two_owners["ada_turn"].generation.send.send_id

    same = send(eve_client, "/send/", send_id=str(send_id), text="ada's question")
    again = send(
        eve_client, f"/m/{two_owners['eve_turn'].answer.public_id}/retry/", send_id=str(uuid.uuid4())
    )

    assert same.status_code == again.status_code == 302
    assert same["Location"] != two_owners["ada_turn"].conversation.get_absolute_url()
    assert Conversation.objects.get(public_id=same["Location"].split("/")[2]).owner.username == "eve"
    assert two_owners["ada_turn"].conversation.messages.count() == 2


# --- 1: the panel, for staff with a right to look at one kind of thing only ----------------------------


def panel_addresses() -> list[str]:
    found = []
    for resolver in get_resolver().url_patterns:
        if isinstance(resolver, URLResolver) and resolver.namespace == "admin":
            for pattern in resolver.url_patterns:
                inner = pattern.url_patterns if isinstance(pattern, URLResolver) else [pattern]
                found += [p.name for p in inner if isinstance(p, URLPattern) and p.name]
    return sorted(set(found))


@pytest.mark.parametrize("name", panel_addresses())
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_a_member_finds_no_address_of_the_panel(
    name: str, method: str, ada: User, bob_client: Client
) -> None:
    factories.model()
    before = rows()
    address = panel_address(name, ada.pk)

    assert bob_client.generic(method, address).status_code in (404, 405, 307 if name == "logout" else 404)
    assert rows() == before


def panel_address(name: str, pk: int) -> str:
    for args in ([], [pk], [str(pk)], ["conversations"]):
        try:
            return reverse(f"admin:{name}", args=args)
        except Exception:  # noqa: BLE001, S112 - whichever arguments fit
            continue
    raise AssertionError(name)
