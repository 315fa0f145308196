"""Answers side by side as pages: asked from the composer, chosen, looked at again, without a script too."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from conversations.models import Comparison, Generation, GenerationState, Message, Model, Send, SendKind, User
from conversations.services import accepting, comparing, pending_sends
from tests import factories

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    for name in ("gpt-4o", "claude", "gemini", "qwen"):
        factories.model(name, is_default=name == "gpt-4o")


@pytest.fixture
def turn(ada: User) -> accepting.Turn:
    """A turn whose question two models were asked; both have answered."""
    turn = comparing.ask_all(
        None, author=ada, send_id=uuid.uuid4(), text="What is a monad?", model_names=("gpt-4o", "claude")
    )
    for made in Generation.objects.all():
        made.message.parts.create(position=0, kind="text", text=f"A monoid, says {made.model_name}.")
        factories.end(accepting.Turn(turn.conversation, turn.question, made.message, True, made))
    return turn


def form(*compare: str, **fields: object) -> dict[str, object]:
    return {"send_id": str(uuid.uuid4()), "text": "Why?", "model": "gpt-4o", "compare": compare} | fields


def sides(html: str) -> list[str]:
    """The models of the answers that stand side by side."""
    found = re.search(r'<div class="columns".*', html, re.DOTALL)
    return re.findall(r'aria-label="([\w-]+): answer', found[0]) if found else []


def answer_of(name: str) -> Message:
    return Generation.objects.filter(model_name=name).latest("id").message


# --- Asking ---------------------------------------------------------------------------------------


def test_a_first_question_to_three_models_without_a_script(ada_client: Client) -> None:
    answer = ada_client.post("/send/", form("claude", "gemini"), follow=True)

    html = answer.content.decode()
    assert sides(html) == ["claude", "gemini", "gpt-4o"]
    assert Send.objects.get().kind == SendKind.COMPARE
    assert html.count("Go on with this one") == 3
    comparison = Comparison.objects.get()
    assert f'formaction="/compare/{comparison.public_id}/stop/"' in html
    assert '<noscript><meta http-equiv="refresh"' in html


def test_the_script_gets_the_question_and_the_answers_alone(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada, "What is before it?")
    factories.end(turn)

    answer = ada_client.post(f"{turn.conversation.get_absolute_url()}send/", form("claude"), headers=HTMX)

    html = answer.content.decode()
    assert sides(html) == ["claude", "gpt-4o"]
    assert 'hx-swap-oob="beforeend:#messages"' in html
    assert "What is before it?" not in html


def test_what_is_refused_comes_back_with_the_chosen_models(ada_client: Client) -> None:
    answer = ada_client.post("/send/", form("claude", "gone"), headers=HTMX)

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "gone is not offered any more" in html
    assert re.search(r'name="compare" value="claude" checked', html)
    assert ">\nWhy?</textarea>" in html
    assert not Message.objects.exists()


@pytest.mark.parametrize("names", [["\0"], ["x" * 300], ["gpt-4o"], ["a", "b", "c", "d", "e"]])
def test_hostile_names_are_refused_in_words(ada_client: Client, names: list[str]) -> None:
    answer = ada_client.post("/send/", form(*names), headers=HTMX)

    assert answer.status_code == 422
    assert 'class="form-error"' in answer.content.decode()


def test_one_model_alone_offers_no_comparison(ada_client: Client) -> None:
    assert "compare-menu" in ada_client.get("/").content.decode()

    for name in ("claude", "gemini", "qwen"):
        Model.objects.filter(name=name).update(is_enabled=False)

    assert "compare-menu" not in ada_client.get("/").content.decode()


def test_a_comparison_that_met_an_ended_sign_in_is_asked_after_the_next(ada: User) -> None:
    fields = form("claude", author=pending_sends.sign(ada))

    Client().post("/send/", fields)
    outcome = pending_sends.carry_out(ada)

    assert outcome.problems == []
    assert Comparison.objects.get().answers.count() == 2


def test_other_models_are_asked_beside_an_answer(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)
    factories.end(turn)
    address = f"/m/{turn.answer.public_id}/compare/"
    assert 'name="compare" value="claude"' in ada_client.get(address).content.decode()

    html = ada_client.post(address, form("claude", "gemini"), follow=True).content.decode()

    assert sides(html) == ["claude", "gemini", "gpt-4o"]
    assert ada_client.post(address, {"compare": "qwen"}).status_code == 400
    refused = ada_client.post(address, form("qwen"), headers=HTMX)
    assert refused.status_code == 422
    assert "still being written" in refused.content.decode()


# --- Choosing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("htmx", [True, False])
def test_one_is_chosen_and_stands_alone_with_the_pager(
    turn: accepting.Turn, ada_client: Client, htmx: bool
) -> None:
    answer = ada_client.post(
        f"/m/{answer_of('claude').public_id}/choose/", headers=HTMX if htmx else {}, follow=True
    )

    html = answer.content.decode()
    assert sides(html) == []
    assert "says claude" in html
    assert "says gpt-4o" not in html
    assert "2 / 2" in html
    assert f"/compare/{Comparison.objects.get().public_id}/" in html


def test_what_is_sent_before_a_choice_draws_the_whole_branch(
    turn: accepting.Turn, ada_client: Client
) -> None:
    answer = ada_client.post(f"{turn.conversation.get_absolute_url()}send/", form(), headers=HTMX)

    html = answer.content.decode()
    assert '<div id="messages" class="messages" hx-swap-oob="true"' in html
    assert sides(html) == []
    assert "says gpt-4o" in html
    assert "says claude" not in html
    assert Comparison.objects.get().chosen == turn.answer


def test_what_was_never_compared_is_not_chosen(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)

    refused = ada_client.post(f"/m/{turn.answer.public_id}/choose/", headers=HTMX)

    assert refused.status_code == 422
    assert "was not compared" in refused.content.decode()


# --- Looking again --------------------------------------------------------------------------------


def test_they_are_looked_at_again_on_a_page_of_their_own(turn: accepting.Turn, ada_client: Client) -> None:
    comparing.choose(answer_of("claude"))
    comparison = Comparison.objects.get()
    address = f"/compare/{comparison.public_id}/"

    html = ada_client.get(address).content.decode()

    assert sides(html) == ["claude", "gpt-4o"]
    assert "claude was chosen" in html
    assert 'id="composer"' not in html
    assert "Back to the conversation" in html
    url = re.search(r'id="messages"[^>]* data-url="([^"]+)"', html)[1]
    assert sides(ada_client.get(url, headers=HTMX).content.decode()) == ["claude", "gpt-4o"]
    # What is done there shows in the conversation.
    done = ada_client.post(
        f"/m/{turn.answer.public_id}/choose/",
        headers=HTMX | {"HX-Current-URL": f"http://testserver{address}"},
    )
    assert done["HX-Redirect"] == turn.conversation.get_absolute_url()


def test_where_all_but_one_were_deleted_the_page_leads_to_the_conversation(
    turn: accepting.Turn, ada_client: Client
) -> None:
    ada_client.post(f"/m/{answer_of('claude').public_id}/delete/")

    answer = ada_client.get(f"/compare/{Comparison.objects.get().public_id}/")

    assert answer["Location"] == turn.conversation.get_absolute_url()


@pytest.mark.parametrize("named", ["x", "\0", "00000000-0000-4000-8000-000000000001"])
def test_a_made_up_comparison_is_not_found(turn: accepting.Turn, ada_client: Client, named: str) -> None:
    answer = ada_client.get(f"{turn.conversation.get_absolute_url()}messages/", {"comparison": named})

    assert answer.status_code == 404


def test_a_comparison_of_another_conversation_is_not_found_under_this_one(
    turn: accepting.Turn, eve: User, eve_client: Client
) -> None:
    own = factories.ask(eve)
    foreign = {"comparison": str(Comparison.objects.get().public_id)}

    assert eve_client.get(f"{own.conversation.get_absolute_url()}messages/", foreign).status_code == 404


def test_all_are_stopped_at_once_and_one_alone(ada: User, ada_client: Client) -> None:
    ada_client.post("/send/", form("claude", "gemini"))
    ada_client.post(f"/m/{answer_of('claude').public_id}/stop/")
    assert Generation.objects.unfinished().count() == 2

    answer = ada_client.post(f"/compare/{Comparison.objects.get().public_id}/stop/", headers=HTMX)

    assert answer.status_code == 204
    assert set(Generation.objects.values_list("state", flat=True)) == {GenerationState.STOPPED}


@pytest.mark.parametrize("count", [2, 4])
def test_the_page_costs_the_same_however_many_stand_side_by_side(
    ada_client: Client, count: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    names = ["claude", "gemini", "qwen"][: count - 1]
    address = ada_client.post("/send/", form(*names))["Location"]
    ada_client.get(address)

    with django_assert_num_queries(17):
        html = ada_client.get(address).content.decode()
    assert len(sides(html)) == count
