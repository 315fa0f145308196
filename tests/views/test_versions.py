"""Steering by forms: with htmx, without, refused, and how many queries it costs."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from conversations.models import (
    Attachment,
    Conversation,
    Generation,
    GenerationState,
    Message,
    Role,
    User,
)
from conversations.services import accepting, pruning
from tests import factories

HTMX = {"HX-Request": "true"}


@pytest.fixture
def turn(ada: User) -> accepting.Turn:
    """A turn of Ada's, whose answer was stopped."""
    turn = factories.ask(ada)
    generation = factories.generation_of(turn)
    turn.answer.parts.create(position=0, kind="text", text="A monad is", generation=generation)
    factories.end(turn, GenerationState.STOPPED)
    return turn


def post(client: Client, message: Message, what: str, *, htmx: bool = False, **fields: object) -> object:
    body = {"send_id": str(uuid.uuid4())} | fields
    return client.post(f"/m/{message.public_id}/{what}/", body, headers=HTMX if htmx else {})


def test_the_page_has_what_steers_it(turn: accepting.Turn, ada_client: Client) -> None:
    html = ada_client.get(turn.conversation.get_absolute_url()).content.decode()

    for name in ("Regenerate", "Regenerate with…", "Edit", "More actions"):
        assert f'aria-label="{name}"' in html
    for words in ("Continue</button>", "Retry</button>", "Fork from here</button>", "Shorter</button>"):
        assert words in html


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    ("what", "fields"),
    [("regenerate", {"hint": "careful"}), ("continue", {}), ("edit", {"text": "Otherwise"}), ("delete", {})],
)
def test_each_works_with_and_without_a_script(
    turn: accepting.Turn, ada_client: Client, what: str, fields: dict, htmx: bool
) -> None:
    message = turn.question if what in ("edit", "delete") else turn.answer

    answer = post(ada_client, message, what, htmx=htmx, **fields)

    if htmx:
        assert answer.status_code == 200
        assert answer.content.decode().count('role="log"') == 1
    else:
        assert (answer.status_code, answer["Location"]) == (302, turn.conversation.get_absolute_url())
    assert Generation.objects.unfinished().exists() is (what != "delete")


@pytest.mark.parametrize("htmx", [True, False])
def test_a_fork_leads_to_the_new_conversation_which_says_where_it_came_from(
    turn: accepting.Turn, ada_client: Client, htmx: bool
) -> None:
    answer = post(ada_client, turn.answer, "fork", htmx=htmx)

    forked = Conversation.objects.exclude(pk=turn.conversation.pk).get()
    assert answer["HX-Push-Url" if htmx else "Location"] == forked.get_absolute_url()
    page = ada_client.get(forked.get_absolute_url()).content.decode()
    message = turn.answer.public_id
    assert f"{turn.conversation.get_absolute_url()}?m={message}#message-{message}" in page


def test_without_a_script_a_question_is_edited_on_a_page_of_its_own(
    turn: accepting.Turn, ada_client: Client
) -> None:
    page = ada_client.get(f"/m/{turn.question.public_id}/edit/").content.decode()

    assert "<html" in page
    assert "What is a monad?</textarea>" in page
    assert "Save &amp; send" in page


def test_a_refused_edit_keeps_the_text_the_pictures_and_offers_a_new_send_id(
    turn: accepting.Turn, ada: User, ada_client: Client
) -> None:
    kept, dropped = (
        Attachment.objects.create(
            owner=ada, message=turn.question, source_url=f"https://example.com/{number}.png", position=number
        )
        for number in range(2)
    )
    send_id = str(uuid.uuid4())

    answer = post(
        ada_client,
        turn.question,
        "edit",
        htmx=True,
        send_id=send_id,
        text="Keep <me>",
        model="gone",
        attachments=[str(kept.public_id)],
    )

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Keep &lt;me&gt;" in html
    assert "gone is not offered any more" in html
    assert send_id not in html
    assert re.search(rf'value="{kept.public_id}" checked', html)
    assert f'value="{dropped.public_id}">' in html
    assert Message.objects.filter(role=Role.USER).count() == 1


@pytest.mark.parametrize("what", ["regenerate", "continue", "fork"])
def test_a_refusal_is_said_in_words_with_and_without_a_script(
    ada: User, ada_client: Client, what: str
) -> None:
    running = factories.ask(ada)

    with_script = post(ada_client, running.answer, what, htmx=True)
    without = post(ada_client, running.answer, what)

    assert with_script.status_code == 422
    assert "still being written" in with_script.content.decode()
    assert "still being written" in ada_client.get(without["Location"]).content.decode()


@pytest.mark.parametrize("what", ["continue", "fork", "regenerate"])
def test_without_a_send_id_nothing_is_done(turn: accepting.Turn, ada_client: Client, what: str) -> None:
    assert post(ada_client, turn.answer, what, send_id="no").status_code == 400
    assert Generation.objects.count() == 1


def test_a_hint_that_nobody_offers_is_refused(turn: accepting.Turn, ada_client: Client) -> None:
    assert post(ada_client, turn.answer, "regenerate", hint="ruder").status_code == 400


def test_a_deleted_branch_is_listed_and_brought_back(
    turn: accepting.Turn, ada_client: Client, eve_client: Client
) -> None:
    deleted = post(ada_client, turn.question, "delete", htmx=True).content.decode()
    deletion = Message.objects.exclude(deletion=None)[0].deletion
    address = turn.conversation.get_absolute_url()
    assert f'name="deletion" value="{deletion}"' in deleted
    assert "What is a monad?" in ada_client.get(f"{address}deleted/").content.decode()

    assert eve_client.post(f"{address}bring-back/", {"deletion": str(deletion)}).status_code == 404
    answer = ada_client.post(f"{address}bring-back/", {"deletion": str(deletion)})

    assert answer.status_code == 302
    assert not Message.objects.exclude(deleted_at=None).exists()


def test_a_foreign_deletion_is_no_way_into_ones_own_conversation(
    turn: accepting.Turn, eve: User, eve_client: Client
) -> None:
    deletion = pruning.delete_branch(turn.question)
    own = factories.ask(eve)

    eve_client.post(f"{own.conversation.get_absolute_url()}bring-back/", {"deletion": str(deletion)})

    assert Message.objects.filter(deletion=deletion).count() == 2


def test_hostile_words_drive_no_edit_form(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada, '</textarea><img src=x hx-get="/logout/"><script>1</script>')

    html = ada_client.get(f"/m/{turn.question.public_id}/edit/", headers=HTMX).content.decode()

    assert html.count("</textarea>") == 1
    assert "<script" not in html
    assert "<img" not in html
