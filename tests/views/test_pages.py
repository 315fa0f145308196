"""Pages and their pieces: with htmx, without, and how many queries they cost."""

from __future__ import annotations

import io
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from conversations.models import (
    Attachment,
    Conversation,
    Generation,
    GenerationState,
    Message,
    Part,
    Role,
    User,
)
from conversations.services import stretches
from tests import factories

HTMX = {"HX-Request": "true"}


def finish_all() -> None:
    Generation.objects.update(
        state=GenerationState.SUCCEEDED, ended_at=timezone.now(), lease_owner=None, lease_until=None
    )


def post_first(client: Client, text: str = "What is a monad?", **extra: object) -> object:
    body = {"send_id": str(uuid.uuid4()), "text": text, "model": ""} | extra
    return client.post("/send/", body)


@pytest.fixture
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)


def test_the_empty_page_offers_a_composer(offered: None, ada_client: Client) -> None:
    html = ada_client.get("/").content.decode()

    assert 'aria-label="Message"' in html
    assert 'aria-label="Model"' in html
    assert "gpt-4o" in html


def test_without_a_model_the_page_says_so(ada_client: Client) -> None:
    html = ada_client.get("/").content.decode()

    assert "<option" not in html
    assert "model" in html.lower()


def test_the_first_send_without_a_script_leads_to_the_conversation(offered: None, ada_client: Client) -> None:
    answer = post_first(ada_client)

    conversation = Conversation.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, conversation.get_absolute_url())
    assert "What is a monad?" in ada_client.get(answer["Location"]).content.decode()


def test_the_first_send_with_htmx_is_the_conversation_and_its_address(
    offered: None, ada_client: Client
) -> None:
    answer = ada_client.post("/send/", {"send_id": str(uuid.uuid4()), "text": "Hi"}, headers=HTMX)

    conversation = Conversation.objects.get()
    assert answer["HX-Push-Url"] == conversation.get_absolute_url()
    html = answer.content.decode()
    assert "<html" not in html
    assert html.count('role="log"') == 1
    assert 'data-state="queued"' in html


def test_a_refused_send_keeps_the_text_and_offers_a_new_send_id(offered: None, ada_client: Client) -> None:
    send_id = str(uuid.uuid4())

    answer = ada_client.post(
        "/send/", {"send_id": send_id, "text": "Keep <me>", "model": "gone"}, headers=HTMX
    )

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Keep &lt;me&gt;" in html
    assert "gone is not offered any more" in html
    assert send_id not in html


def test_a_text_beyond_the_limit_is_refused_in_words(
    offered: None, ada_client: Client, settings: pytest.FixtureRequest
) -> None:
    settings.MESSAGE_MAX_CHARACTERS = 10

    answer = post_first(ada_client, "eleven chars")

    assert answer.status_code == 422
    assert "12 characters" in answer.content.decode()


def test_a_text_of_several_megabytes_is_taken(offered: None, ada_client: Client) -> None:
    answer = post_first(ada_client, "word " * 700_000)

    assert answer.status_code == 302
    assert len(Part.objects.get().text) == 3_500_000
    assert ada_client.get(answer["Location"]).status_code == 200


def test_without_a_script_pictures_come_along_with_the_text(offered: None, ada_client: Client) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(buffer, "PNG")
    picture = SimpleUploadedFile("red.png", buffer.getvalue())

    answer = post_first(ada_client, "What is this?", files=[picture])

    assert answer.status_code == 302
    attachment = Attachment.objects.get()
    assert attachment.message == Message.objects.get(role=Role.USER)
    no_picture = SimpleUploadedFile("red.png", b"<svg/>")
    refused = post_first(ada_client, "And this?", files=[no_picture])
    assert refused.status_code == 422
    assert "And this?" in refused.content.decode()


def test_a_second_question_comes_with_its_answer_and_a_fresh_composer(
    offered: None, ada: User, ada_client: Client
) -> None:
    turn = factories.ask(ada)
    finish_all()
    address = f"{turn.conversation.get_absolute_url()}send/"

    answer = ada_client.post(address, {"send_id": str(uuid.uuid4()), "text": "And then?"}, headers=HTMX)

    html = answer.content.decode()
    assert html.count("<article") == 2
    assert 'id="composer"' in html
    assert 'data-state="queued"' in html


def test_a_page_and_its_piece_show_the_same_messages(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)
    address = turn.conversation.get_absolute_url()

    page = ada_client.get(address)
    piece = ada_client.get(address, headers=HTMX)

    assert page.content.decode().count("<article") == piece.content.decode().count("<article") == 2
    assert "HX-Request" in page["Vary"]
    assert "<html" not in piece.content.decode()


def test_five_tabs_of_one_conversation_ask_nothing(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)

    for _ in range(5):
        ada_client.get(turn.conversation.get_absolute_url())
        ada_client.get(f"{turn.conversation.get_absolute_url()}messages/")

    assert Generation.objects.count() == 1


def test_versions_are_paged(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)
    finish_all()
    regenerate = f"/m/{turn.answer.public_id}/regenerate/"

    answer = ada_client.post(regenerate, {"send_id": str(uuid.uuid4())}, headers=HTMX)

    html = answer.content.decode()
    assert "2 / 2" in html
    previous = ada_client.post(f"/m/{turn.answer.public_id}/show/", headers=HTMX).content.decode()
    assert "1 / 2" in previous
    assert f"message-{turn.answer.public_id}" in previous


def test_stop_without_a_script_leads_back(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)

    answer = ada_client.post(f"/m/{turn.answer.public_id}/stop/")

    assert answer["Location"] == turn.conversation.get_absolute_url()
    assert factories.generation_of(turn).state == GenerationState.STOPPED


def test_a_conversation_is_renamed_deleted_and_brought_back(ada: User, ada_client: Client) -> None:
    conversation = factories.ask(ada).conversation
    address = conversation.get_absolute_url()

    ada_client.post(f"{address}title/", {"title": "  Monads,\n explained "})
    conversation.refresh_from_db()
    assert conversation.title == "Monads, explained"

    deleted = ada_client.post(f"{address}delete/", headers=HTMX)
    assert "Undo" in deleted.content.decode()
    assert ada_client.get(address).status_code == 404
    assert not Generation.objects.unfinished().exists()

    ada_client.post(f"{address}restore/")
    assert ada_client.get(address).status_code == 200


def test_a_title_needs_a_character(ada: User, ada_client: Client) -> None:
    conversation = factories.ask(ada).conversation

    answer = ada_client.post(f"{conversation.get_absolute_url()}title/", {"title": "  "}, headers=HTMX)

    assert answer.status_code == 422


def test_settings_are_kept_and_sent_with_the_next_question(ada: User, ada_client: Client) -> None:
    factories.model("gpt-4o", is_default=True)
    factories.model("claude-opus", has_thinking=True)
    turn = factories.ask(ada)
    finish_all()
    address = turn.conversation.get_absolute_url()

    answer = ada_client.post(
        f"{address}settings/",
        {
            "model": "claude-opus",
            "system": "Be brief.",
            "temperature": "0.3",
            "max_tokens": "99",
            "reasoning_effort": "low",
        },
    )

    assert answer.status_code == 302
    turn.conversation.refresh_from_db()
    wanted = {"system": "Be brief.", "temperature": 0.3, "max_tokens": 99, "reasoning_effort": "low"}
    assert turn.conversation.parameters == wanted
    next_turn = factories.ask(ada, "Next", conversation=turn.conversation, model_name="claude-opus")
    assert factories.generation_of(next_turn).parameters == wanted


@pytest.mark.parametrize("field", [{"temperature": "9"}, {"max_tokens": "0"}, {"model": "gone"}])
def test_impossible_settings_are_refused(field: dict, ada: User, ada_client: Client) -> None:
    conversation = factories.ask(ada).conversation

    answer = ada_client.post(f"{conversation.get_absolute_url()}settings/", field, headers=HTMX)

    assert answer.status_code == 422
    conversation.refresh_from_db()
    assert conversation.parameters == {}


@pytest.mark.parametrize("count", [1, 20])
def test_the_page_costs_the_same_queries_with_one_and_twenty_conversations(
    ada: User, ada_client: Client, count: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    factories.model("gpt-4o", is_default=True)
    for number in range(count):
        Conversation.objects.create(owner=ada, title=f"Plan {number}")

    # session, user, draft, sidebar, permissions, temporary, practice, tools, models, assistants
    with django_assert_num_queries(10):
        ada_client.get("/")


@pytest.mark.parametrize("turns", [1, 20])
def test_a_conversation_costs_the_same_queries_with_one_and_twenty_turns(
    ada: User, ada_client: Client, turns: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    conversation = None
    for number in range(turns):
        conversation = factories.ask(ada, f"Question {number}", conversation=conversation).conversation
        finish_all()
    assert conversation

    # session, user, conversation, draft, messages, parts, attachments, generations, calls, versions, line;
    # then the shell
    with django_assert_num_queries(16):
        ada_client.get(conversation.get_absolute_url())


def test_the_sidebar_pages_and_searches(ada: User, ada_client: Client) -> None:
    for number in range(45):
        Conversation.objects.create(owner=ada, title=f"Plan {number:02}")

    first = ada_client.get("/sidebar/").content.decode()
    older = re.search(r'href="(/sidebar/\?before=[^"]+)"', first)
    assert older
    second = ada_client.get(older[1]).content.decode()

    assert first.count('class="row-link"') == 40
    assert second.count('class="row-link"') == 5
    assert ada_client.get("/sidebar/?q=plan+07").content.decode().count('class="row-link"') == 1


@pytest.mark.parametrize(
    "query", ["'", '"', "NEAR(", "a:b", "-x", "%", "_", "\\", "*", "(", "\x00", "😀" * 80]
)
def test_search_words_never_raise(query: str, ada: User, ada_client: Client) -> None:
    factories.ask(ada, f"I wrote {query} here".replace("\0", ""))

    found = ada_client.get("/search/", {"q": query})

    assert found.status_code == 200
    if query.strip("\0"):
        assert "I wrote" in found.content.decode()


def test_search_finds_words_in_answers_and_shows_snippets_as_text(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada, "Question")
    Part.objects.create(message=turn.answer, position=0, kind="text", text="A <b>zebra</b> crosses")

    html = ada_client.get("/search/?q=zebra").content.decode()

    assert f"#message-{turn.answer.public_id}" in html
    assert "<b>" not in html


def test_search_finds_nothing_of_others(ada: User, eve_client: Client) -> None:
    factories.ask(ada, "A secret zebra")

    assert "secret" not in eve_client.get("/search/?q=zebra").content.decode().replace("zebra", "")
    assert "secret" not in eve_client.get("/sidebar/?q=zebra").content.decode()


def test_the_end_of_a_long_branch_is_shown_in_order(ada: User, ada_client: Client) -> None:
    conversation = factories.ask(ada).conversation
    parent = Message.objects.get(conversation=conversation, role=Role.ASSISTANT)
    messages = []
    for depth in range(2, 300):
        role = Role.USER if depth % 2 == 0 else Role.ASSISTANT
        parent = Message.objects.create(
            conversation=conversation,
            parent=parent,
            depth=depth,
            role=role,
            author=ada if role == Role.USER else None,
        )
        messages.append(parent)
    Conversation.objects.update(current_leaf=parent)

    html = ada_client.get(conversation.get_absolute_url()).content.decode()

    shown = re.findall(r'data-message="([^"]+)"', html)
    assert shown == [str(message.public_id) for message in messages[-stretches.PAGE :]]
