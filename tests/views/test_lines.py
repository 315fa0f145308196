"""The line and the composer as pages show them: with htmx, and without a script."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversations.models import GenerationState, User, WaitingQuestion
from conversations.services import lines, rearranging
from conversations.services.accepting import Turn
from tests import factories

HTMX = {"HX-Request": "true"}


@pytest.fixture
def running(ada: User) -> Turn:
    return factories.ask(ada, "First")


def address(turn: Turn, path: str = "") -> str:
    return f"{turn.conversation.get_absolute_url()}{path}"


def send(client: Client, turn: Turn, text: str, **extra: object) -> object:
    headers = extra.pop("headers", HTMX)
    body = {"send_id": str(uuid.uuid4()), "text": text, "model": ""} | extra
    return client.post(address(turn, "send/"), body, headers=headers)


def rows(turn: Turn) -> list[str]:
    return [waiting.text for waiting in lines.of(turn.conversation).entries]


def test_a_send_while_an_answer_runs_answers_with_a_new_composer_and_the_line(
    ada_client: Client, running: Turn
) -> None:
    answer = send(ada_client, running, "Second <b>")

    html = answer.content.decode()
    assert answer.status_code == 200
    assert 'id="composer"' in html
    assert 'id="line"' in html
    assert "hx-swap-oob" in html
    assert "Second &lt;b&gt;" in html
    assert "<article" not in html


def test_without_a_script_a_send_waits_too_and_the_page_shows_it(ada_client: Client, running: Turn) -> None:
    answer = send(ada_client, running, "Second", headers={})

    assert (answer.status_code, answer["Location"]) == (302, address(running))
    html = ada_client.get(answer["Location"]).content.decode()
    assert 'aria-label="In line"' in html
    assert "Second" in html
    assert 'aria-label="Send"' in html
    assert 'aria-label="Stop"' in html
    assert not re.search(r'aria-label="Send"[^>]* hidden', html)


def test_the_messages_of_a_page_that_learned_of_a_change_bring_the_line(
    ada: User, ada_client: Client, running: Turn
) -> None:
    factories.in_line(ada, running.conversation, "Second")

    html = ada_client.get(address(running, "messages/"), headers=HTMX).content.decode()

    assert 'id="line"' in html
    assert "Second" in html


def test_the_line_is_changed_without_a_script(ada: User, ada_client: Client, running: Turn) -> None:
    one, two = (factories.in_line(ada, running.conversation, text) for text in ("1", "2"))

    assert ada_client.post(f"/line/{two.public_id}/move/", {"by": "-1"}).status_code == 302
    assert rows(running) == ["2", "1"]
    ada_client.post(f"/line/{one.public_id}/edit/", {"text": "one"})
    assert rows(running) == ["2", "one"]
    ada_client.post(f"/line/{two.public_id}/remove/")
    html = ada_client.get(address(running)).content.decode()
    assert rows(running) == ["one"]
    assert "removed from the line" in html
    undo = dict(re.findall(r'name="(removed)" value="([^"]+)"', html))
    ada_client.post(address(running, "line/restore/"), undo)

    assert rows(running) == ["2", "one"]
    assert "removed from the line" not in ada_client.get(address(running)).content.decode()


def test_stop_and_clear_offers_the_way_back(ada: User, ada_client: Client, running: Turn) -> None:
    factories.in_line(ada, running.conversation, "Second")
    stop = f"/m/{running.answer.public_id}/stop/"
    assert f'action="{stop}"' in ada_client.get(address(running)).content.decode()

    html = ada_client.post(stop, {"line": "clear"}, headers=HTMX).content.decode()

    assert "1 question removed from the line" in html
    assert rows(running) == []
    assert factories.generation_of(running).state == GenerationState.STOPPED


def test_a_line_that_stands_says_why_and_is_resumed(ada: User, ada_client: Client, running: Turn) -> None:
    factories.in_line(ada, running.conversation, "Second")
    factories.end(running, GenerationState.FAILED)
    html = ada_client.get(address(running)).content.decode()
    assert "Paused: the last answer failed." in html
    assert "Stop and clear" not in html

    answer = ada_client.post(address(running, "line/resume/"), headers=HTMX)

    assert answer.status_code == 200
    assert rows(running) == []


def test_a_refusal_is_told_in_words_and_changes_nothing(ada: User, ada_client: Client, running: Turn) -> None:
    waiting = factories.in_line(ada, running.conversation, "Second")
    edit = f"/line/{waiting.public_id}/edit/"

    answer = ada_client.post(edit, {"text": "  "}, headers=HTMX)

    assert (answer.status_code, answer.content.decode()) == (409, "Write a message first.")
    assert ada_client.post(edit, {"text": "x", "model": "gone"}, headers=HTMX).status_code == 409
    page = ada_client.post(edit, {"text": "x", "model": "gone"}, follow=True).content.decode()
    assert "not offered" in page
    assert ada_client.post(f"/line/{waiting.public_id}/move/", {"by": "9"}).status_code == 400
    assert rows(running) == ["Second"]


def test_a_stranger_reaches_no_line(ada: User, eve_client: Client, running: Turn) -> None:
    waiting = factories.in_line(ada, running.conversation, "Second")
    removed = rearranging.remove(
        running.conversation, [factories.in_line(ada, running.conversation, "Third")]
    )

    for path in ("edit", "move", "remove"):
        body = {"text": "Eve", "by": "1"}
        assert eve_client.post(f"/line/{waiting.public_id}/{path}/", body).status_code == 404
    assert eve_client.post(address(running, "line/resume/")).status_code == 404
    assert eve_client.post(address(running, "line/restore/"), {"removed": removed}).status_code == 404
    stop = f"/m/{running.answer.public_id}/stop/"
    assert eve_client.post(stop, {"line": "clear"}).status_code == 404
    assert rows(running) == ["Second"]


@pytest.mark.parametrize("count", [1, 20])
def test_the_line_and_the_draft_are_one_query_each_of_a_page(
    ada: User, ada_client: Client, running: Turn, count: int
) -> None:
    for number in range(count):
        factories.in_line(ada, running.conversation, f"Question {number}")

    with CaptureQueriesContext(connection) as queries:
        ada_client.get(address(running))

    for table in ("waitingquestion", "draft"):
        asked = [query for query in queries if f'FROM "conversations_{table}"' in query["sql"]]
        assert len(asked) == 1
    assert WaitingQuestion.objects.count() == count
