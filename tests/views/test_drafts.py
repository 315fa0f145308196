"""Drafts and kept sends through the site's addresses."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conversations.models import Attachment, Draft, Message, PendingSend, Role, User
from conversations.services import drafts, pending_sends
from tests import factories

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)


def sign_in(client: Client, name: str, **extra: str) -> object:
    return client.post("/login/", {"username": name, "password": PASSWORD} | extra)


def expire(client: Client) -> None:
    Session.objects.all().delete()
    assert client.get("/").status_code == 302


def questions() -> list[str]:
    asked = Message.objects.filter(role=Role.USER).order_by("id")
    return [message.parts.get().text for message in asked]


def form_of(client: Client, path: str = "/", **typed: object) -> dict[str, object]:
    """Return the fields of the composer as the page has them, with what is typed."""
    html = client.get(path).content.decode()
    fields = {
        name: re.search(rf'name="{name}" value="([^"]*)"', html) for name in ("send_id", "author", "known")
    }
    return {name: found[1] for name, found in fields.items() if found} | {"model": "", "text": ""} | typed


# --- Drafts -----------------------------------------------------------------------------------------------


def test_a_draft_is_kept_and_the_next_page_has_it(ada: User, ada_client: Client) -> None:
    conversation = factories.ask(ada).conversation
    address = f"{conversation.get_absolute_url()}draft/"
    picture = Attachment.objects.create(owner=ada, source_url="https://example.com/a.png", name="boat")

    saved = ada_client.post(address, {"text": "Half a <b>", "attachments": [picture.public_id], "known": "0"})

    assert saved.status_code == 204
    assert int(saved["Draft-Revision"]) == Draft.objects.get().revision
    html = ada_client.get(conversation.get_absolute_url()).content.decode()
    assert "Half a &lt;b&gt;</textarea>" in html
    assert 'aria-label="Remove boat"' in html
    assert "Half a" not in ada_client.get("/").content.decode()


def test_another_tab_is_told_with_the_text_that_it_may_take(ada_client: Client) -> None:
    first = ada_client.post("/draft/", {"text": "One", "known": "0"})
    ada_client.post("/draft/", {"text": "One and a half", "known": first["Draft-Revision"]})

    told = ada_client.post("/draft/", {"text": "Two", "known": first["Draft-Revision"]})

    assert told.status_code == 200
    assert told.json()["other"] == "One and a half"
    html = ada_client.get("/").content.decode()
    assert "This draft was changed in another tab." in html
    assert "<template>One and a half</template>" in html


def test_signed_out_a_draft_is_a_401_and_a_stranger_s_address_a_404(ada: User, eve_client: Client) -> None:
    address = f"{factories.ask(ada).conversation.get_absolute_url()}draft/"

    assert Client().post("/draft/", {"text": "x"}).status_code == 401
    assert eve_client.post(address, {"text": "x"}).status_code == 404
    assert eve_client.get(address).status_code == 404
    assert not Draft.objects.exists()


def test_a_page_that_somebody_else_left_open_keeps_no_draft_in_ones_own_name(
    ada: User, eve_client: Client
) -> None:
    answer = eve_client.post("/draft/", {"text": "Ada's", "author": pending_sends.sign(ada)})

    assert answer.status_code == 409
    assert not Draft.objects.exists()


def test_a_draft_survives_a_sign_out(ada: User, ada_client: Client) -> None:
    ada_client.post("/draft/", {"text": "Half a thought"})
    ada_client.post("/logout/")

    sign_in(ada_client, "ada")

    assert "Half a thought</textarea>" in ada_client.get("/").content.decode()


def test_stop_without_a_script_keeps_what_was_typed(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)

    ada_client.post(f"/m/{turn.answer.public_id}/stop/", {"text": "Half a thought", "known": "0"})

    draft = drafts.of(ada, turn.conversation)
    assert draft
    assert draft.text == "Half a thought"


# --- Sends that met an ended sign-in ------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_send_without_a_sign_in_is_sent_once_after_it(
    ada: User, ada_client: Client, headers: dict, is_first: bool
) -> None:
    page = "/"
    if not is_first:
        turn = factories.ask(ada, "First")
        factories.end(turn)
        page = turn.conversation.get_absolute_url()
    form = form_of(ada_client, page, text="Not lost")
    drafts.save(ada, None if is_first else turn.conversation, text="Not lost")
    before = questions()
    expire(ada_client)

    refused = ada_client.post(f"{page}send/", form, headers=headers)

    assert refused.status_code == (401 if headers else 302)
    login = refused["HX-Redirect" if headers else "Location"]
    html = ada_client.get(login).content.decode()
    assert "Your message is kept and will be sent when you sign in." in html
    assert "Not lost" not in html
    signed_in = sign_in(ada_client, "ada", next="/account/", kept="1")
    assert questions() == [*before, "Not lost"]
    assert signed_in["Location"] == Message.objects.latest("id").conversation.get_absolute_url()
    assert not PendingSend.objects.exists()
    assert not Draft.objects.exists()
    # The very same form once more, as a browser's Back and Send would.
    ada_client.post(f"{page}send/", form)
    assert questions() == [*before, "Not lost"]


def test_a_temporary_conversation_begins_as_one_after_the_sign_in(ada: User, ada_client: Client) -> None:
    form = form_of(ada_client, text="Not to be kept", temporary="on")
    expire(ada_client)
    ada_client.post("/send/", form)

    sign_in(ada_client, "ada")

    assert Message.objects.latest("id").conversation.expires_at


def test_a_wrong_password_still_says_that_the_message_is_kept(ada: User) -> None:
    answer = Client().post("/login/", {"username": "ada", "password": "wrong", "kept": "1"})

    assert "Your message is kept" in answer.content.decode()
    assert "Your message is kept" not in Client().get("/login/").content.decode()


def test_it_is_sent_too_where_another_tab_has_signed_in_already(ada: User, ada_client: Client) -> None:
    form = form_of(ada_client, text="Not lost")
    other_tab = Client()
    refused = other_tab.post("/send/", form)
    assert "/login/" in refused["Location"]

    answer = ada_client.get(refused["Location"])

    assert questions() == ["Not lost"]
    assert answer["Location"] == Message.objects.latest("id").conversation.get_absolute_url()


def test_somebody_else_s_sign_in_sends_and_shows_nothing_of_it(
    ada: User, eve: User, ada_client: Client
) -> None:
    form = form_of(ada_client, text="Ada's secret")
    expire(ada_client)
    ada_client.post("/send/", form)

    sign_in(ada_client, "eve")

    assert questions() == []
    assert "secret" not in ada_client.get("/").content.decode()
    assert PendingSend.objects.get().author == ada


def test_a_page_that_somebody_else_left_open_sends_in_nobody_s_name(
    ada: User, eve: User, ada_client: Client, eve_client: Client
) -> None:
    form = form_of(ada_client, text="Ada's secret")

    answer = eve_client.post("/send/", form)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert questions() == []
    assert PendingSend.objects.get().author == ada


def test_without_a_valid_field_nothing_is_kept(ada: User, ada_client: Client) -> None:
    form = form_of(ada_client, text="Whose?")
    for author in ("", "forged", str(form["author"])[:-2]):
        assert Client().post("/send/", form | {"author": author}).status_code == 302
    User.objects.filter(pk=ada.pk).update(is_active=False)
    Client().post("/send/", form)

    assert not PendingSend.objects.exists()


def test_the_csrf_check_stands_before_it(ada: User, ada_client: Client) -> None:
    form = form_of(ada_client, text="Forged")

    assert Client(enforce_csrf_checks=True).post("/send/", form).status_code == 403
    assert not PendingSend.objects.exists()


def test_files_that_came_without_a_sign_in_are_asked_for_again(ada: User, ada_client: Client) -> None:
    form = form_of(ada_client, text="Look at this")
    expire(ada_client)
    ada_client.post("/send/", form | {"files": SimpleUploadedFile("a.png", b"not looked at")})

    page = sign_in(ada_client, "ada")

    assert questions() == []
    html = ada_client.get(page["Location"]).content.decode()
    assert "Attach them again" in html
    assert "Look at this</textarea>" in html
    assert not Attachment.objects.exists()


def test_too_many_kept_sends_are_refused_where_the_text_stands(
    ada: User, ada_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_sends, "PER_PERSON", 1)
    form = form_of(ada_client, text="One")
    expire(ada_client)
    ada_client.post("/send/", form)

    answer = ada_client.post("/send/", form | {"send_id": str(uuid.uuid4()), "text": "Two"}, headers=HTMX)

    assert answer.status_code == 409
    assert "HX-Redirect" not in answer
    assert "Sign in" in answer.content.decode()
