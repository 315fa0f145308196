"""Summaries stand for the oldest turns of a conversation that has become too long for its model."""

from __future__ import annotations

import json
import uuid

import pytest

from conversations.generation import fitting, requests
from conversations.generation.engine import Engine
from conversations.models import (
    Call,
    Conversation,
    GenerationState,
    Model,
    Part,
    Purpose,
    Role,
    Summary,
    User,
)
from conversations.practice.server import Gateway
from conversations.services import sending, site_settings, tree
from conversations.services.accepting import Turn
from tests import factories
from tests.generation.conftest import ended, practice_model, text_of, until

WORDS = "All the words of a long question, one after the other, and on and on. " * 6


def long_conversation(author: User, model: Model, *, turns: int = 16) -> Conversation:
    """Turns of the past: nothing of them is queued."""
    conversation = Conversation.objects.create(owner=author, model=model)
    leaf = None
    for number in range(turns):
        question = tree.append(conversation, role=Role.USER, parent=leaf, author=author)
        leaf = tree.append(conversation, role=Role.ASSISTANT, parent=question)
        Part.objects.create(message=question, position=0, kind="text", text=f"Question {number}. {WORDS}")
        Part.objects.create(message=leaf, position=0, kind="text", text=f"Answer {number}.")
    tree.show(conversation, leaf)
    return conversation


def ask(author: User, conversation: Conversation, text: str = "And now?") -> Turn:
    conversation.refresh_from_db()
    assert conversation.model
    return sending.send_message(
        conversation, author=author, send_id=uuid.uuid4(), text=text, model_name=conversation.model.name
    )


def asked_of(gateway: Gateway) -> list[dict]:
    return [entry["body"] for entry in gateway.seen()["requests"] if entry["path"].endswith("completions")]


@pytest.fixture
def summarised(transactional_db: None) -> None:
    site_settings.save({site_settings.LONG_CONVERSATIONS.name: site_settings.SUMMARISE})


@pytest.fixture
def steady(engine: Engine) -> Model:
    return practice_model("steady", context_size=2000, max_output=500)


def test_the_oldest_turns_go_out_as_a_summary_in_a_call_of_its_own(
    summarised: None, steady: Model, ada: User, practice: Gateway
) -> None:
    conversation = long_conversation(ada, steady)

    turn = ask(ada, conversation, "5 tokens, please.")

    assert ended(turn).state == GenerationState.SUCCEEDED
    assert text_of(turn) == "t1 t2 t3 t4 t5 "
    summary = Summary.objects.get()
    assert summary.text.startswith("t1 t2 t3")
    assert (summary.model_name, summary.up_to.conversation) == ("practice-steady", conversation)
    for_summary, for_answer = asked_of(practice)
    assert "Question 0." in json.dumps(for_summary)
    assert "Question 15." not in json.dumps(for_summary)
    assert summary.text[:40] in for_answer["messages"][0]["content"]
    assert "Question 0." not in json.dumps(for_answer)
    assert for_answer["messages"][-1]["content"] == "5 tokens, please."
    calls = Call.objects.order_by("id").values_list("purpose", "person", "output_tokens")
    assert [purpose for purpose, _, _ in calls] == [Purpose.SUMMARY, Purpose.ANSWER]
    assert all(person == ada.pk and tokens for _, person, tokens in calls)


def test_what_happened_is_kept_with_the_answer(summarised: None, steady: Model, ada: User) -> None:
    made = ended(ask(ada, long_conversation(ada, steady), "5 tokens, please."))

    told = made.context

    assert told["of"] == 2000
    assert told["summarised"] > 0
    assert told["left_out"] == 0
    assert told["sent"] + told["summarised"] == 33
    assert told["tokens"] <= 1500


def test_a_summary_is_used_again_and_goes_into_the_next_one(
    summarised: None, steady: Model, ada: User, practice: Gateway
) -> None:
    conversation = long_conversation(ada, steady)
    ended(ask(ada, conversation, "5 tokens, please."))
    first = Summary.objects.get()

    ended(ask(ada, conversation, "6 tokens, please."))
    assert Summary.objects.get() == first

    for number in range(8):
        ended(ask(ada, conversation, f"{number} tokens. {WORDS}"))
    second = Summary.objects.latest("id")
    assert second.up_to.depth > first.up_to.depth
    summaries = [body for body in asked_of(practice) if "Summarise" in json.dumps(body["messages"][0])]
    assert len(summaries) == Summary.objects.count()
    assert first.text[:40] in json.dumps(summaries[1])
    assert "Question 0." not in json.dumps(summaries[1])


def test_a_branch_that_was_left_uses_no_summary_of_turns_that_it_does_not_have(
    summarised: None, steady: Model, ada: User
) -> None:
    conversation = long_conversation(ada, steady)
    ended(ask(ada, conversation, "5 tokens, please."))
    other = Conversation.objects.create(owner=ada, model=steady)

    turn = ask(ada, other, "1 tokens")

    assert ended(turn).context["summarised"] == 0


@pytest.mark.parametrize("trouble", ["practice-400", "practice-reset", "practice-429"])
def test_a_summary_that_fails_leaves_the_turns_out_and_costs_no_answer(
    summarised: None, steady: Model, ada: User, trouble: str
) -> None:
    factories.model(trouble)
    site_settings.save({site_settings.SUMMARY_MODEL.name: trouble})
    conversation = long_conversation(ada, steady)

    made = ended(ask(ada, conversation, "5 tokens, please."))

    assert made.state == GenerationState.SUCCEEDED
    assert made.context["left_out"] > 0
    assert made.context["wanted"] == "summary"
    assert not Summary.objects.exists()
    assert Call.objects.filter(purpose=Purpose.SUMMARY).exclude(error_kind="").exists()


def test_a_stop_ends_the_summary_and_the_answer(summarised: None, steady: Model, ada: User) -> None:
    factories.model("practice-no-answer")
    site_settings.save({site_settings.SUMMARY_MODEL.name: "practice-no-answer"})
    turn = ask(ada, long_conversation(ada, steady), "5 tokens, please.")
    until(lambda: Call.objects.filter(purpose=Purpose.SUMMARY).exists())

    sending.stop(turn.answer)

    assert ended(turn).state == GenerationState.STOPPED
    assert not Call.objects.filter(ended_at=None).exists()
    assert not Call.objects.filter(purpose=Purpose.ANSWER).exists()


def test_pieces_that_were_done_are_not_asked_for_again(
    summarised: None, steady: Model, ada: User, practice: Gateway
) -> None:
    conversation = long_conversation(ada, steady, turns=60)
    turn = ask(ada, conversation, "5 tokens, please.")
    ended(turn)
    pieces = Summary.objects.count()
    assert pieces > 1

    ended(sending.answer_again(turn.answer, author=ada, send_id=uuid.uuid4(), kind="regenerate"))

    assert Summary.objects.count() == pieces


def test_without_the_setting_nothing_is_summarised(steady: Model, ada: User) -> None:
    made = ended(ask(ada, long_conversation(ada, steady), "5 tokens, please."))

    assert made.context["left_out"] > 0
    assert not Call.objects.filter(purpose=Purpose.SUMMARY).exists()


def test_a_question_that_is_too_long_fails_in_words_before_anything_is_billed(
    summarised: None, steady: Model, ada: User
) -> None:
    made = ended(ask(ada, long_conversation(ada, steady, turns=1), WORDS * 40))

    assert (made.state, made.error_kind) == (GenerationState.FAILED, "too_long")
    assert made.error_text.startswith("This question alone is longer than the model takes")
    assert not Call.objects.exists()


@pytest.mark.django_db
def test_a_summary_stands_before_the_first_turn_that_it_does_not_stand_for(
    summarised: None, ada: User
) -> None:
    model = factories.model("small", context_size=2000, max_output=500)
    conversation = long_conversation(ada, model)
    turn = ask(ada, conversation)
    generation = factories.generation_of(turn)
    look = requests.look_for(generation, model=model)
    end = fitting.cut(look.turns, room=look.room or 0)
    Summary.objects.create(up_to_id=look.turns[end - 1].last_id, text="They talked.", model_name="x")

    request = requests.request_for(generation, model=model)

    first, second, *_ = (part.text for said in request.messages for part in said.parts)
    assert first.endswith("They talked.")
    assert second.startswith(f"Question {end}.")
    assert len(request.messages) == 2 * (16 - end) + 2
