"""Promises 1 and 4: every id is found through what the asker may use; a send id is its sender's."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator as tokens
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import UUIDConverter
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode

from conversations.models import (
    Assistant,
    Attachment,
    Comparison,
    Conversation,
    Draft,
    Generation,
    GenerationEvent,
    GenerationState,
    Invite,
    Message,
    Prompt,
    Send,
    SignIn,
    User,
    WaitingQuestion,
)
from conversations.services import (
    drafts,
    files,
    forking,
    invites,
    library,
    organising,
    pruning,
    rearranging,
    sign_ins,
    versions,
)
from tests import factories
from tests.services.pictures import picture
from tests.services.usage_calls import NANO, ended
from tests.test_doors import ANYBODYS, NAMES, OPEN, address_of, chat_addresses

OWNED = sorted(set(NAMES) - OPEN - ANYBODYS - {"login"})
# The kinds of those that carry a secret instead of an id: whoever holds it gets in.
BY_SECRET = {"join": "invite", "new_password": "reset"}
# The kinds of rows that hang on no conversation, and are put away by themselves.
ON_THEIR_OWN = {"prompts", "assistants", "account"}
UNDOES = {"conversations:restore", "conversations:restore_prompt", "conversations:restore_assistant"}
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
        "assistant": str(ids["assistants"]), "ask_once": f"assistant:{ids['assistants']}",
        "compare": "gpt-4o", "removed": str(ids["line"]), "deletion": str(ids["m"]), "line": "clear",
        "by": "1", "hint": "shorter", "name": "Mine now", "is_for_everybody": "on", "groups": "1",
        "known": "0", "m": str(ids["m"]), "before": str(ids["m"]), "after": str(ids["m"]),
        "comparison": str(ids["compare"]),
        "prompt": str(ids["prompts"]), "deleted": str(ids["prompts"]),
    }  # fmt: skip
    yield "application/json", json.dumps(named).encode()
    form = "&".join(f"{name}={value}" for name, value in named.items())
    yield "application/x-www-form-urlencoded", form.encode()


def kind_of(name: str) -> str:
    """Return the kind of the id that an address takes, as `of_ada` names it."""
    return str(dict(chat_addresses())[name].pattern).split("/")[0]


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
    # A secret is no id: no address of OWNED takes it.
    kinds = [kind for kind in of_ada if kind not in BY_SECRET.values()]
    before = rows()

    for shift in range(1, len(kinds)):
        turned = {kind: of_ada[kinds[(place + shift) % len(kinds)]] for place, kind in enumerate(kinds)}
        for method in ("GET", "POST"):
            assert ada_client.generic(method, address_of(name, turned)).status_code in (404, 405)

    assert rows() == before


@pytest.mark.parametrize("name", OWNED)
def test_what_was_deleted_is_found_by_nothing_but_its_undo(
    name: str, of_ada: dict[str, uuid.UUID], ada: User, ada_client: Client
) -> None:
    organising.delete(Conversation.objects.get(public_id=of_ada["c"]))
    library.delete(Prompt.objects.get(public_id=of_ada["prompts"]))
    library.delete(Assistant.objects.get(public_id=of_ada["assistants"]))
    sign_ins.end(SignIn.objects.get(public_id=of_ada["account"]))

    answers = {ada_client.generic(method, address_of(name, of_ada)).status_code for method in ("GET", "POST")}

    assert answers <= ({302, 405} if name in UNDOES else {404, 405})


@pytest.mark.parametrize("name", [name for name in OWNED if kind_of(name) not in {"c", *ON_THEIR_OWN}])
def test_what_was_deleted_in_a_conversation_is_found_by_no_address_of_its_own(
    name: str, of_ada: dict[str, uuid.UUID], ada_client: Client
) -> None:
    """A branch, with its tool calls, pictures and comparisons; a question in line. The undo is another id."""
    conversation = Conversation.objects.get(public_id=of_ada["c"])
    rearranging.remove(conversation, WaitingQuestion.objects.all())
    pruning.delete_branch(Message.objects.get(conversation=conversation, parent=None))
    before = rows()

    for method in ("GET", "POST"):
        assert ada_client.generic(method, address_of(name, of_ada)).status_code in (404, 405)

    assert rows() == before


def test_the_walk_knows_every_address_that_takes_an_id(of_ada: dict[str, uuid.UUID]) -> None:
    converters = {name: pattern.pattern.converters for name, pattern in chat_addresses()}
    with_ids = {name for name, found in converters.items() if found}

    # What carries a secret is open to nobody by an id, and everything else takes one id and is walked.
    assert with_ids - set(BY_SECRET) == set(OWNED)
    assert set(BY_SECRET) <= OPEN
    for name in OWNED:
        assert [type(found) for found in converters[name].values()] == [UUIDConverter], name
    # Whoever adds a kind of id adds a row of it to `of_ada`.
    assert {kind_of(name) for name in with_ids} == set(of_ada)
    assert {kind_of(name) for name in BY_SECRET} == set(BY_SECRET.values())
    for name in OWNED:
        assert isinstance(of_ada[kind_of(name)], uuid.UUID), name


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_what_carries_a_secret_is_found_by_no_id_and_no_secret_of_another(
    of_ada: dict[str, uuid.UUID], ada: User, eve: User, eve_client: Client, method: str
) -> None:
    invite = Invite.objects.get()
    (uid, token) = of_ada["reset"]
    (eves_uid, eves_token) = (urlsafe_base64_encode(str(eve.pk).encode()), tokens.make_token(eve))
    wrong = [
        *(("join", [word]) for word in (invite.public_id, invite.token_hash, invite.pk, token)),
        *(("join", [str(of_ada["invite"])[:-1]]), ("join", [f"{of_ada['invite']}x"])),
        *(("new_password", pair) for pair in ([uid, eves_token], [eves_uid, token], [uid, of_ada["invite"]])),
        *(
            ("new_password", pair)
            for pair in ([uid, ada.public_id], [ada.public_id, token], [uid, "set-password"])
        ),
    ]
    before, body = rows(), {"new_password1": "another horse 9", "new_password2": "another horse 9"}

    for name, args in wrong:
        for client in (Client(), eve_client):
            address = reverse(name, args=args)
            if method == "POST":
                joining = {
                    "username": "mallory",
                    "password1": "another horse 9",
                    "password2": "another horse 9",
                }
                answer = client.post(address, body | joining)
            else:
                answer = client.generic(method, address)
            assert answer.status_code in (404, 405), (name, args)

    assert rows() == before


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


@pytest.mark.parametrize(
    "verb",
    [
        *("stop", "retry", "regenerate", "show", "again", "continue"),
        *("edit", "fork", "compare", "choose", "delete"),
    ],
)
def test_a_foreign_message_is_found_by_no_verb(two_owners: dict, eve_client: Client, verb: str) -> None:
    before = rows()

    for message in (two_owners["ada_turn"].question, two_owners["ada_turn"].answer):
        answer = send(eve_client, f"/m/{message.public_id}/{verb}/")
        assert answer.status_code == (405 if verb == "again" else 404)
        assert eve_client.get(f"/m/{message.public_id}/{verb}/").status_code in (404, 405)

    assert rows() == before


@pytest.mark.parametrize("verb", ["stop", "retry", "regenerate", "again", "continue", "compare", "choose"])
def test_a_question_is_no_answer(two_owners: dict, eve_client: Client, verb: str) -> None:
    address = f"/m/{two_owners['eve_turn'].question.public_id}/{verb}/"

    assert send(eve_client, address).status_code == (405 if verb == "again" else 404)
    assert eve_client.get(address).status_code in (404, 405)


def test_an_answer_is_no_question(two_owners: dict, eve_client: Client) -> None:
    address = f"/m/{two_owners['eve_turn'].answer.public_id}/edit/"

    assert send(eve_client, address).status_code == eve_client.get(address).status_code == 404


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


# --- 1: a foreign child of each new kind, in every field of one's own that takes its id ----------------


@pytest.fixture
def theirs(two_owners: dict[str, object], ada: User, eve: User) -> dict[str, object]:
    """Beside the turns of both: of each a prompt, an assistant, a place in line, a comparison, a deletion."""
    for person in (ada, eve):
        name = person.username
        conversation = two_owners[f"{name}_turn"].conversation
        two_owners[f"{name}_prompt"] = factories.prompt(person, f"{name}'s prompt", text=f"{name}'s text")
        two_owners[f"{name}_assistant"] = factories.assistant(
            person, f"{name}'s assistant", instructions=f"{name}'s instructions"
        )
        second = factories.ask(person, f"{name}'s second question")
        two_owners[f"{name}_line"] = factories.in_line(person, second.conversation, f"{name} waits")
        removed = factories.in_line(person, second.conversation, f"{name} took it out")
        rearranging.remove(second.conversation, [removed])
        two_owners[f"{name}_removed"] = removed
        factories.end(second)
        question = two_owners[f"{name}_turn"].question
        two_owners[f"{name}_compare"] = Comparison.objects.create(question=question, made_by=person)
        other = factories.ask(person, f"{name}'s branch", conversation=conversation)
        factories.end(other)
        two_owners[f"{name}_deletion"] = pruning.delete_branch(other.question)
        drafts.save(person, conversation, text=f"{name}'s draft")
    return two_owners


def tells_of_ada(text: str) -> bool:
    # As a word: ids and tokens may have these letters inside.
    return bool(re.search(r"\bada\b", text))


def told(answer: object) -> str:
    return answer.content.decode() + answer.get("Location", "")


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("form", ["assistant", "ask_once"])
@pytest.mark.parametrize("state", ["never shared", "not shared any more", "deleted"])
def test_a_foreign_assistant_is_asked_by_no_send(
    theirs: dict, ada: User, eve: User, eve_client: Client, headers: dict, form: str, state: str
) -> None:
    assistant = theirs["ada_assistant"]
    if state == "not shared any more":
        group = Group.objects.create(name="Team")
        assistant.groups.add(group)
        eve.groups.add(group)
        assert eve_client.get(f"/assistants/{assistant.public_id}/").status_code == 200
        eve.groups.clear()
    elif state == "deleted":
        Assistant.objects.filter(pk=assistant.pk).update(is_for_everybody=True)
        library.delete(assistant)
    own = theirs["eve_turn"].conversation.get_absolute_url()
    named = assistant.public_id if form == "assistant" else f"assistant:{assistant.public_id}"
    before = rows()

    for address in ("/send/", *([f"{own}send/"] if form == "ask_once" else [])):
        body = {"send_id": str(uuid.uuid4()), "text": "Look", "model": "", form: named}
        answer = eve_client.post(address, body, headers=headers)
        assert answer.status_code == 404, address
        assert not tells_of_ada(told(answer))
    assert rows() == before

    # Where one is chosen already, the field that only a first question has does nothing.
    answer = send(eve_client, f"{own}send/", assistant=assistant.public_id)
    assert answer.status_code == 302
    assert "instructions" not in Generation.objects.latest("id").parameters
    assert not Conversation.objects.filter(owner=eve, assistant=assistant).exists()
    assert eve_client.get(f"/?assistant={assistant.public_id}").status_code == 404


def test_a_draft_keeps_and_shows_nothing_of_a_foreign_one(
    theirs: dict, eve: User, eve_client: Client
) -> None:
    own = theirs["eve_turn"].conversation.get_absolute_url()
    attachment = theirs["ada_draft"]

    for address in ("/draft/", f"{own}draft/"):
        body = {
            "text": "Mine", "known": "0", "attachments": [attachment.public_id, theirs["ada_sent"].public_id],
            "ask_once": f"assistant:{theirs['ada_assistant'].public_id}",
            "send_id": theirs["ada_turn"].generation.send.send_id,
        }  # fmt: skip
        kept = eve_client.post(address, body)
        shown = [eve_client.get(address), eve_client.get("/" if address == "/draft/" else own)]

        assert kept.status_code in (200, 204)
        assert not any(tells_of_ada(told(answer)) for answer in (kept, *shown))
        assert shown[0].json()["once"] == {"key": "", "name": ""}
        assert shown[0].json()["attachments"].strip() == ""
    attachment.refresh_from_db()
    assert attachment.draft is None
    assert not Draft.objects.filter(owner=eve, attachments__isnull=False).exists()


def test_text_that_others_sent_or_wait_with_is_cut_out_of_no_draft(theirs: dict, eve_client: Client) -> None:
    """The send id of a composer takes away what was sent with it: of its own person, nobody else's."""
    for send_id in (theirs["ada_turn"].generation.send.send_id, theirs["ada_line"].send_id):
        eve_client.post("/draft/", {"text": "ada's question, ada waits", "send_id": send_id, "known": "0"})
        assert eve_client.get("/draft/").json()["text"] == "ada's question, ada waits"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_somebody_else_put_away_comes_back_by_no_address_of_ones_own(
    theirs: dict, eve_client: Client, headers: dict
) -> None:
    own = theirs["eve_turn"].conversation.get_absolute_url()
    before = rows()

    for address, body in [
        (f"{own}line/restore/", {"removed": [theirs["ada_removed"].public_id]}),
        (f"{own}line/restore/", {"removed": [theirs["ada_line"].public_id]}),
        # One's own, and of another conversation.
        (f"{own}line/restore/", {"removed": [theirs["eve_removed"].public_id]}),
        (f"{own}bring-back/", {"deletion": theirs["ada_deletion"]}),
    ]:
        answer = eve_client.post(address, body, headers=headers)
        assert answer.status_code in (200, 302, 422)
        assert not tells_of_ada(told(answer))
    assert rows() == before

    for kind in ("prompt", "assistant"):
        library.delete(theirs[f"ada_{kind}"])
        page = eve_client.get(f"/{kind}s/", {"deleted": theirs[f"ada_{kind}"].public_id})
        assert page.status_code == 200
        assert not tells_of_ada(page.content.decode())
    assert not tells_of_ada(told(eve_client.get(f"{own}deleted/")))


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_address_of_ones_own_names_no_foreign_message_or_comparison(
    theirs: dict, eve_client: Client, headers: dict
) -> None:
    own = theirs["eve_turn"].conversation.get_absolute_url()
    hers = theirs["ada_turn"]
    before = rows()

    for message in (hers.question.public_id, hers.answer.public_id):
        assert eve_client.get(f"{own}earlier/?before={message}", headers=headers).status_code == 404
        assert eve_client.get(f"{own}later/?after={message}", headers=headers).status_code == 404
        for address in (own, f"{own}messages/"):
            answer = eve_client.get(f"{address}?m={message}", headers=headers)
            assert answer.status_code == 200
            assert str(message) not in told(answer)
            assert not tells_of_ada(told(answer))
    compared = eve_client.get(f"{own}messages/?comparison={theirs['ada_compare'].public_id}", headers=headers)
    assert compared.status_code == 404
    assert rows() == before


@pytest.mark.parametrize("foreign", ["ada_draft", "ada_sent", "eve_draft", "eve_other"])
def test_an_edit_keeps_pictures_of_its_own_question_only(
    theirs: dict, eve: User, eve_client: Client, foreign: str
) -> None:
    other = factories.ask(eve, "Another")
    theirs["eve_other"] = Attachment.objects.create(
        owner=eve, source_url="https://eve.example/", name="eve.example", message=other.question
    )
    before = rows()

    address = f"/m/{theirs['eve_turn'].question.public_id}/edit/"
    answer = send(eve_client, address, attachments=[theirs["eve_sent"].public_id, theirs[foreign].public_id])

    assert answer.status_code == 422
    assert "ada.png" not in told(answer)
    assert rows() == before


def test_a_model_that_is_not_offered_to_one_is_named_by_no_new_field(
    theirs: dict, eve_client: Client
) -> None:
    team = Group.objects.create(name="Team")
    factories.model("hidden", is_enabled=False)
    factories.model("of-a-team").groups.add(team)
    factories.model("second")
    own, answer = theirs["eve_turn"].conversation.get_absolute_url(), theirs["eve_turn"].answer
    usual = Generation.objects.first().model_name
    before = rows()

    for name in ("hidden", "of-a-team"):
        for address in ("/send/", f"{own}send/"):
            assert send(eve_client, address, ask_once=f"model:{name}").status_code == 404
            for models in ([name], ["second", name]):
                assert send(eve_client, address, model=usual, compare=models).status_code == 422
            assert send(eve_client, address, model=name, compare=["second"]).status_code == 422
        for address, fields in [
            (f"/m/{answer.public_id}/compare/", {"compare": [name]}),
            (f"/m/{answer.public_id}/compare/", {"compare": ["second", name]}),
            (f"/m/{theirs['eve_turn'].question.public_id}/edit/", {"model": name}),
            (f"/line/{theirs['eve_line'].public_id}/edit/", {"model": name}),
        ]:
            assert send(eve_client, address, **fields).status_code in (302, 422)
            htmx = {"send_id": str(uuid.uuid4()), "text": "Look"} | fields
            assert eve_client.post(address, htmx, headers=HTMX).status_code in (409, 422)
        body = {"name": "Mine", "model": name}
        assert eve_client.post("/assistants/new/", body).status_code == 422
        assert (
            eve_client.post(f"/assistants/{theirs['eve_assistant'].public_id}/edit/", body).status_code == 422
        )

    assert rows() == before


@pytest.mark.parametrize("kind", ["prompt", "assistant"])
def test_nothing_is_shared_with_a_group_that_one_is_not_in(
    theirs: dict, eve_client: Client, kind: str
) -> None:
    group = Group.objects.create(name="Somebody's group")
    before = rows()

    for address in (f"/{kind}s/new/", f"/{kind}s/{theirs[f'eve_{kind}'].public_id}/edit/"):
        answer = eve_client.post(address, {"name": "Mine", "text": "Mine", "groups": [group.pk]})
        assert answer.status_code == 422
        assert group.name not in told(answer)

    assert rows() == before
    assert not type(theirs[f"eve_{kind}"]).objects.filter(groups=group).exists()


@pytest.mark.parametrize("kind", ["prompt", "assistant"])
@pytest.mark.parametrize("shared", ["with everybody", "with a group"])
def test_what_is_shared_is_used_and_changed_by_nobody_else_and_ends_with_the_sharing(
    theirs: dict, eve: User, eve_client: Client, staff_client: Client, kind: str, shared: str
) -> None:
    row = theirs[f"ada_{kind}"]
    kinds = type(row).objects.filter(pk=row.pk)
    if shared == "with everybody":
        kinds.update(is_for_everybody=True)
    else:
        group = Group.objects.create(name="Team")
        row.groups.add(group)
        eve.groups.add(group)
    read = f"/{kind}s/{row.public_id}/" + ("use/" if kind == "prompt" else "")
    before = rows()

    assert row.name in eve_client.get(f"/{kind}s/").content.decode().replace("&#x27;", "'")
    assert eve_client.get(read).status_code == 200
    for client in (eve_client, staff_client):
        for verb in ("edit", "delete", "restore"):
            for method in ("GET", "POST"):
                answer = client.generic(method, f"/{kind}s/{row.public_id}/{verb}/")
                assert answer.status_code in (404, 405)
    assert rows() == before

    if shared == "with everybody":
        kinds.update(is_for_everybody=False)
    else:
        eve.groups.clear()
    verbs = ["use", "copy"] if kind == "prompt" else ["edit"]
    for address in (read, *(f"/{kind}s/{row.public_id}/{verb}/" for verb in verbs)):
        for method in ("GET", "POST"):
            assert eve_client.generic(method, address).status_code in (404, 405)
    lists = [f"/{kind}s/", "/", "/prompts/choose/", "/assistants/mentions/", f"/{kind}s/?q=ada"]
    for address in lists:
        # What was searched for stands in its box.
        page = eve_client.get(address).content.decode()
        assert f"ada&#x27;s {kind}" not in page, address
        assert f"ada's {kind}" not in page, address


def test_the_cursor_of_a_stream_names_no_foreign_answer(streams: None, ada: User, eve: User) -> None:
    hers, own = factories.ask(ada, "ada's question"), factories.ask(eve, "eve's question")
    GenerationEvent.objects.create(
        generation=hers.generation, seq=1, data={"parts": [{"position": 0, "kind": "text", "text": "ada's"}]}
    )
    factories.end(own)
    client = Client()
    client.force_login(eve)

    for state in ("running", "ended"):
        if state == "ended":
            factories.end(hers)
        for path in (f"{own.conversation.get_absolute_url()}events/", "/events/"):
            stream = client.get(f"{path}?cursor=r0-{hers.generation.pk}.0")._iterator
            chunks = b""
            while b"event: list" not in chunks:
                chunks += next(stream)
            chunks += next(stream) + next(stream)
            stream.close()
            assert not tells_of_ada(chunks.decode())
            assert str(hers.answer.public_id).encode() not in chunks


@pytest.mark.parametrize("address", ["/usage/", "/usage/table.csv", "/usage/chart.svg"])
@pytest.mark.parametrize("asked", ["person={ada}", "person=0", "by=person&then=key&key={key}", "group=Blue"])
def test_usage_is_ones_own_whatever_the_address_names(
    ada: User, eve: User, eve_client: Client, address: str, asked: str
) -> None:
    key = factories.gateway_key("ada pays")
    ended(person=eve, key=key, cost=NANO, model_name="usual")

    def page(query: str) -> str:
        text = b"".join(eve_client.get(f"{address}?{query}")).decode()
        # A drawing has an id that is made up each time.
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", text)

    query = asked.format(ada=ada.pk, key=key.pk)
    alone, shown = page(""), page(query)
    ended(person=ada, key=key, cost=7_777_777 * NANO, model_name="hers alone", group_name="Blue")
    ended(person=None, key=key, cost=7_777_777 * NANO, model_name="nobodys", group_name="Blue")

    for found in (page(""), page(query)):
        assert not tells_of_ada(found)
        assert not re.search("hers alone|nobodys|7.?777.?777", found)
    if address != "/usage/":
        assert page("") == alone == shown == page(query)


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


@pytest.mark.parametrize("verb", ["edit", "fork", "continue", "compare", "line"])
@pytest.mark.parametrize("of", ["a question", "an edit", "a fork", "one in line"])
def test_a_foreign_send_id_is_as_good_as_a_new_one_for_every_kind_of_send(
    theirs: dict, ada: User, eve_client: Client, verb: str, of: str
) -> None:
    factories.model("second")
    hers, own = theirs["ada_turn"], theirs["eve_turn"]
    Generation.objects.filter(message=own.answer).update(state=GenerationState.INTERRUPTED)
    own.answer.parts.create(position=0, kind="text", text="A monad")
    send_id = {"a question": hers.generation.send.send_id, "one in line": theirs["ada_line"].send_id}.get(of)
    if of == "an edit":
        send_id = uuid.uuid4()
        versions.edit_question(hers.question, author=ada, send_id=send_id, text="ada's edit")
    elif of == "a fork":
        send_id = uuid.uuid4()
        forking.fork(hers.question, author=ada, send_id=send_id)
    message = own.question if verb == "edit" else own.answer
    address = f"/m/{message.public_id}/{verb}/"
    if verb == "line":
        address = f"{theirs['eve_line'].conversation.get_absolute_url()}send/"
    before, mine = of_person(ada), of_person(own.conversation.owner)

    answer = send(
        eve_client, address, send_id=str(send_id), text="Mine", compare=["second"] * (verb == "compare")
    )

    assert answer.status_code == 302
    assert not tells_of_ada(told(eve_client.get(answer["Location"])))
    assert of_person(ada) == before
    assert of_person(own.conversation.owner) != mine


def of_person(person: User) -> list[object]:
    conversations = Conversation.objects.filter(owner=person)
    messages = Message.objects.filter(conversation__in=conversations)
    found = (
        *(conversations, messages, WaitingQuestion.objects.filter(author=person)),
        *(Generation.objects.filter(message__in=messages), Send.objects.filter(author=person)),
    )
    return [list(rows.order_by("pk").values()) for rows in found]


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
    owner = factories.person("owner", is_superuser=True)
    invite = invites.make(by=owner, public_id=uuid.uuid4(), role="Member", days=1).invite
    before = rows()
    address = panel_address(name, ada.pk, invite.public_id)

    assert bob_client.generic(method, address).status_code in (404, 405, 307 if name == "logout" else 404)
    assert rows() == before


def panel_address(name: str, pk: int, public_id: uuid.UUID) -> str:
    for args in ([], [pk], [str(pk)], [public_id], ["conversations"]):
        try:
            return reverse(f"admin:{name}", args=args)
        except Exception:  # noqa: BLE001, S112 - whichever arguments fit
            continue
    raise AssertionError(name)
