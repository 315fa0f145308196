"""A cut answer that goes on: one clean text, whatever the model does, on both wires."""

from __future__ import annotations

import uuid

import pytest

from conversations.generation import requests
from conversations.generation.engine import Engine
from conversations.models import Call, Generation, GenerationState, Part, PartKind, User
from conversations.practice.cutting import WHOLE
from conversations.rendering import markdown
from conversations.services import accepting, continuing, turns
from tests import factories
from tests.generation.conftest import ended, practice_model
from tests.waiting import until

WIRES = ["chat_completions", "responses"]
KINDS = ["exact", "repeat", "restart", "apology"]
# In a word, at its end, in a list, and in the middle of a block of code.
CUTS = [12, 57, 131, 300, 520]


def cut(ada: User, kind: str, wire: str, question: str) -> accepting.Turn:
    practice_model(f"continue-{kind}", wire=wire)
    turn = factories.ask(ada, question, model_name=f"practice-continue-{kind}")
    ended(turn)
    return turn


def go_on(turn: accepting.Turn, ada: User) -> Generation:
    continuing.continue_answer(turn.answer, author=ada, send_id=uuid.uuid4())
    until(lambda: not latest(turn).is_unfinished)
    return latest(turn)


def latest(turn: accepting.Turn) -> Generation:
    return Generation.objects.filter(message=turn.answer).order_by("-attempt")[0]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", CUTS)
def test_a_cut_answer_and_what_follows_are_one_text(
    engine: Engine, ada: User, wire: str, kind: str, after: int
) -> None:
    turn = cut(ada, kind, wire, f"Tell me, cut after {after} characters")
    assert latest(turn).finish_reason == "length"

    generation = go_on(turn, ada)

    assert (generation.state, generation.attempt) == (GenerationState.SUCCEEDED, 2)
    shown = turns.shown([turn.answer], viewer=ada)[0]
    assert shown.text == WHOLE
    texts = [part for part in shown.parts if part.kind == PartKind.TEXT]
    assert [part.html for part in texts] == [markdown.render(WHOLE)]
    assert not [part for part in shown.parts if part.kind == PartKind.DISCARDED]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_whose_stream_was_lost_goes_on_too(engine: Engine, ada: User, wire: str, kind: str) -> None:
    turn = cut(ada, kind, wire, "Drop it after 300 characters")
    assert latest(turn).state == GenerationState.INTERRUPTED

    go_on(turn, ada)

    assert turns.shown([turn.answer], viewer=ada)[0].text == WHOLE


def test_the_seam_is_kept_for_reviewers_and_both_calls_for_the_money(engine: Engine, ada: User) -> None:
    turn = cut(ada, "apology", "chat_completions", "Tell me, cut after 57 characters")
    go_on(turn, ada)

    parts = list(turn.answer.parts.order_by("position"))
    first, second = Generation.objects.filter(message=turn.answer).order_by("attempt")
    texts = [(part.text, part.generation) for part in parts if part.kind == PartKind.TEXT]
    assert texts == [(WHOLE[:57], first), (WHOLE[57:], second)]
    discarded = Part.objects.get(kind=PartKind.DISCARDED)
    assert discarded.text.startswith("I apologize for the interruption.")
    assert discarded.generation == second
    assert Call.objects.filter(generation__message=turn.answer).count() == 2


def test_a_later_request_sends_the_answer_as_one_text(engine: Engine, ada: User) -> None:
    turn = cut(ada, "repeat", "chat_completions", "Tell me, cut after 57 characters")
    go_on(turn, ada)

    following = factories.ask(
        ada, "And?", conversation=turn.conversation, model_name="practice-continue-repeat"
    )

    generation = factories.generation_of(following)
    assert generation.model
    request = requests.request_for(generation, model=generation.model)
    said = [message for message in request.messages if message.role == "assistant"]
    assert [part.text for part in said[0].parts] == [WHOLE]
    ended(following)


def test_what_goes_on_is_asked_for_with_what_was_said_and_no_message_holds_the_asking(
    engine: Engine, ada: User
) -> None:
    turn = cut(ada, "exact", "chat_completions", "Tell me, cut after 57 characters")
    go_on(turn, ada)

    generation = latest(turn)
    assert generation.model
    Part.objects.filter(generation=generation).delete()
    request = requests.request_for(generation, model=generation.model)
    assert [message.role for message in request.messages] == ["user", "assistant", "user"]
    assert request.messages[1].parts[0].text == WHOLE[:57]
    assert request.messages[2].parts[0].text.startswith("Continue your last answer exactly")
    assert turn.conversation.messages.count() == 2


def test_a_continuation_that_fails_leaves_the_text_and_may_be_asked_for_again(
    engine: Engine, ada: User
) -> None:
    turn = cut(ada, "exact", "chat_completions", "Tell me, cut after 57 characters")
    generation = Generation.objects.get(message=turn.answer)
    broken = practice_model("500")
    Generation.objects.filter(pk=generation.pk).update(model=broken, model_name=broken.name)

    failed = go_on(turn, ada)

    assert failed.state == GenerationState.FAILED
    shown = turns.shown([turn.answer], viewer=ada)[0]
    assert shown.text == WHOLE[:57]
    assert shown.can_continue
    Generation.objects.filter(pk=failed.pk).update(model=generation.model, model_name=generation.model_name)
    go_on(turn, ada)
    assert turns.shown([turn.answer], viewer=ada)[0].text == WHOLE


def test_the_thinking_of_a_continuation_is_shown_as_thinking(engine: Engine, ada: User) -> None:
    turn = cut(ada, "exact", "chat_completions", "Tell me, cut after 57 characters")
    thinking = practice_model("thinking")
    Generation.objects.filter(message=turn.answer).update(model=thinking, model_name=thinking.name)

    go_on(turn, ada)

    shown = turns.shown([turn.answer], viewer=ada)[0]
    assert PartKind.THINKING in [part.kind for part in shown.parts]
    assert len([part for part in shown.parts if part.kind == PartKind.TEXT]) == 1
    assert shown.text.startswith(WHOLE[:57])


def test_an_answer_of_an_older_release_goes_on_too(engine: Engine, ada: User) -> None:
    turn = cut(ada, "exact", "chat_completions", "Tell me, cut after 57 characters")
    # Its parts do not name the generation that said them.
    Part.objects.update(generation=None)

    go_on(turn, ada)

    assert turns.shown([turn.answer], viewer=ada)[0].text == WHOLE
