"""The pages of assistants, conversations that begin with one, and questions that ask one once."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from conversations.models import Assistant, Conversation, Draft, Generation, GenerationState, Model, User
from conversations.services import library
from tests import factories

FORM = {"name": "Reviewer", "instructions": "Find the flaws."}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def gpt(db: None) -> Model:
    return factories.model("gpt-4o", is_default=True)


@pytest.fixture
def claude(gpt: Model) -> Model:
    return factories.model("claude")


@pytest.fixture
def helper(ada: User, claude: Model) -> Assistant:
    return factories.assistant(
        ada,
        model=claude,
        tools=["current_time"],
        description="Reads with care",
        starter_questions=["What is <wrong>?"],
        is_for_everybody=True,
    )


def send(client: Client, path: str = "/send/", headers: dict | None = None, **fields: object) -> object:
    body = {"send_id": str(uuid.uuid4()), "text": "Hello <there>", "model": ""} | fields
    return client.post(path, body, headers=headers)


def end_all() -> None:
    Generation.objects.update(state=GenerationState.SUCCEEDED, ended_at=timezone.now())


# --- The pages -------------------------------------------------------------------------------------------


def test_an_assistant_is_made_with_all_it_is(ada: User, ada_client: Client, claude: Model) -> None:
    answer = ada_client.post(
        "/assistants/new/",
        FORM
        | {
            "model": "claude",
            "tools": ["current_time"],
            "starter_questions": "First?\r\n\r\n  Second? ",
            "is_for_everybody": "on",
        },
    )

    assert (answer.status_code, answer["Location"]) == (302, "/assistants/")
    made = Assistant.objects.get()
    assert (made.model, made.tools, made.starter_questions) == (
        claude,
        ["current_time"],
        ["First?", "Second?"],
    )
    html = ada_client.get(f"/assistants/{made.public_id}/edit/").content.decode()
    assert '<option value="claude" selected>' in html
    assert "Whoever this assistant is shared with can read them" in html
    ada_client.post(f"/assistants/{made.public_id}/edit/", FORM)
    made.refresh_from_db()
    assert (made.model, made.tools, made.is_for_everybody) == (None, [], False)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": " "}, "It needs a name"),
        ({"model": "hidden"}, "hidden is not one of the available choices"),
        ({"tools": ["no_such_tool"]}, "no_such_tool is not one of the available choices"),
        ({"starter_questions": "?\n" * 7}, "These are 7 questions; at most 6"),
        ({"starter_questions": "x" * 301}, "at most 300 characters"),
    ],
)
def test_what_is_wrong_is_said(ada_client: Client, gpt: Model, change: dict, sentence: str) -> None:
    hidden = factories.model("hidden")
    hidden.groups.add(Group.objects.create(name="Others"))

    answer = ada_client.post("/assistants/new/", FORM | change)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "Find the flaws." in answer.content.decode()
    assert not Assistant.objects.exists()


def test_a_model_that_its_owner_may_not_use_any_more_stays_until_they_choose_another(
    ada_client: Client, helper: Assistant, claude: Model
) -> None:
    claude.groups.add(Group.objects.create(name="Others"))
    address = f"/assistants/{helper.public_id}/edit/"

    assert "claude (not offered to you any more)" in ada_client.get(address).content.decode()
    ada_client.post(address, FORM | {"model": "claude"})

    helper.refresh_from_db()
    assert helper.model == claude


def test_whom_it_is_shared_with_reads_its_instructions_and_changes_nothing(
    bob_client: Client, ada_client: Client, helper: Assistant
) -> None:
    address = f"/assistants/{helper.public_id}/"

    assert "Find the flaws." in bob_client.get(address).content.decode()
    for verb in ("edit", "delete", "restore"):
        assert bob_client.post(f"{address}{verb}/", FORM).status_code == 404
    library.store(_private(helper), groups=())
    assert bob_client.get(address).status_code == 404
    assert ada_client.get(address).status_code == 200


def test_a_deleted_assistant_can_be_brought_back(ada_client: Client, helper: Assistant) -> None:
    answer = ada_client.post(f"/assistants/{helper.public_id}/delete/")

    assert "“Reviewer” was deleted." in ada_client.get(answer["Location"]).content.decode()
    assert ada_client.get(f"/?assistant={helper.public_id}").status_code == 404
    ada_client.post(f"/assistants/{helper.public_id}/restore/")
    assert ada_client.get(f"/?assistant={helper.public_id}").status_code == 200


def _private(assistant: Assistant) -> Assistant:
    assistant.is_for_everybody = False
    return assistant


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(("address", "queries"), [("/assistants/", 6), ("/assistants/mentions/", 4)])
def test_a_longer_list_takes_no_more_queries(
    ada: User,
    bob_client: Client,
    claude: Model,
    count: int,
    address: str,
    queries: int,
    django_assert_num_queries,
) -> None:
    for number in range(count):
        factories.assistant(ada, f"Helper {number}", model=claude, is_for_everybody=True)
    bob_client.get(address)

    with django_assert_num_queries(queries):
        html = bob_client.get(address).content.decode()

    assert f"Helper {count - 1}" in html


# --- Beginning with one ----------------------------------------------------------------------------------


def test_the_empty_page_offers_assistants_and_opens_with_one(bob_client: Client, helper: Assistant) -> None:
    address = f"/?assistant={helper.public_id}"
    assert address in bob_client.get("/").content.decode()

    html = bob_client.get(address).content.decode()

    assert "Reads with care" in html
    assert "What is &lt;wrong&gt;?" in html
    assert f'name="assistant" value="{helper.public_id}"' in html
    assert re.search(r'<option value="claude"[^>]* selected', html)
    assert 'value="current_time"' in html


def test_a_conversation_begun_without_a_script_has_its_assistant(
    bob_client: Client, helper: Assistant
) -> None:
    answer = send(bob_client, assistant=helper.public_id, model="claude")

    conversation = Conversation.objects.get()
    assert conversation.assistant == helper
    end_all()
    page = bob_client.get(answer["Location"]).content.decode()
    assert "With the assistant Reviewer" in page
    assert "<dt>Assistant</dt><dd>Reviewer</dd>" in page
    settings = bob_client.get(f"/c/{conversation.public_id}/settings/").content.decode()
    assert "Find the flaws." in settings


@pytest.mark.parametrize("named", ["foreign", "made up", "no id"])
def test_a_foreign_assistant_opens_nothing(ada: User, bob_client: Client, gpt: Model, named: str) -> None:
    foreign = factories.assistant(ada)
    public_id = {"foreign": foreign.public_id, "made up": uuid.uuid4(), "no id": "x"}[named]

    assert bob_client.get(f"/?assistant={public_id}").status_code == 404


# --- Forms that name what one may not use ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "where"), [("assistant", "first"), ("ask_once", "first"), ("ask_once", "later")]
)
def test_a_foreign_assistant_in_a_form_is_404_and_keeps_the_text(
    ada: User, bob: User, bob_client: Client, gpt: Model, field: str, where: str
) -> None:
    foreign = factories.assistant(ada, instructions="Secret plan")
    path = "/send/"
    if where == "later":
        turn = factories.ask(bob)
        factories.end(turn)
        path = f"/c/{turn.conversation.public_id}/send/"
    value = foreign.public_id if field == "assistant" else f"assistant:{foreign.public_id}"

    before = Generation.objects.count()
    plain = send(bob_client, path, **{field: value})
    scripted = send(bob_client, path, HTMX, **{field: value})

    assert (plain.status_code, scripted.status_code) == (404, 404)
    assert "Hello &lt;there&gt;" in plain.content.decode()
    assert "Secret" not in plain.content.decode()
    assert scripted["Content-Type"].startswith("text/plain")
    assert "gone" in scripted.content.decode()
    assert Generation.objects.count() == before


def test_a_question_that_asks_once_shows_whom(bob: User, bob_client: Client, helper: Assistant) -> None:
    turn = factories.ask(bob)
    factories.end(turn)

    answer = send(
        bob_client,
        f"/c/{turn.conversation.public_id}/send/",
        HTMX,
        ask_once=f"assistant:{helper.public_id}",
        model="gpt-4o",
    )

    assert answer.status_code == 200
    assert 'name="ask_once" value=""' in answer.content.decode()
    end_all()
    page = bob_client.get(turn.conversation.get_absolute_url()).content.decode()
    assert "<dt>Asked once</dt><dd>Reviewer</dd>" in page


def test_a_refused_question_and_a_draft_still_know_whom_they_ask(
    bob: User, bob_client: Client, helper: Assistant
) -> None:
    key = f"assistant:{helper.public_id}"

    refused = send(bob_client, ask_once=key, model="gone")
    bob_client.post("/draft/", {"text": "Hello", "ask_once": key})

    assert refused.status_code == 422
    assert f'name="ask_once" value="{key}"' in refused.content.decode()
    assert "<b data-once-name>Reviewer</b>" in bob_client.get("/").content.decode()
    assert bob_client.get("/draft/").json()["once"] == {"key": key, "name": "Reviewer"}
    library.store(_private(helper), groups=())
    assert Draft.objects.get().ask_once == key
    assert "Reviewer" not in bob_client.get("/").content.decode()
    assert bob_client.get("/draft/").json()["once"] == {"key": "", "name": ""}


def test_a_question_in_line_says_whom_it_asks(bob: User, bob_client: Client, helper: Assistant) -> None:
    turn = factories.ask(bob)

    answer = send(
        bob_client,
        f"/c/{turn.conversation.public_id}/send/",
        HTMX,
        ask_once=f"assistant:{helper.public_id}",
        model="gpt-4o",
    )

    assert "@Reviewer" in answer.content.decode()
