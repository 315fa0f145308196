"""When an answer may be continued, and what is queued then."""

from __future__ import annotations

import uuid

import pytest

from conversations.models import Generation, GenerationState, Send, SendKind, User
from conversations.services import accepting, continuing, pruning, sending, turns
from conversations.services.errors import Refused
from tests import factories


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)


@pytest.fixture
def cut(ada: User) -> accepting.Turn:
    """A turn whose answer was stopped after its first words."""
    turn = factories.ask(ada)
    generation = factories.generation_of(turn)
    turn.answer.parts.create(position=0, kind="text", text="A monad is", generation=generation)
    factories.end(turn, GenerationState.STOPPED)
    return turn


def go_on(turn: accepting.Turn, ada: User, send_id: uuid.UUID | None = None) -> accepting.Turn:
    return continuing.continue_answer(turn.answer, author=ada, send_id=send_id or uuid.uuid4())


def test_it_goes_on_as_the_same_message_by_another_generation(ada: User, cut: accepting.Turn) -> None:
    revision = cut.conversation.revision

    made = go_on(cut, ada)

    assert made.answer == cut.answer
    first, second = Generation.objects.order_by("attempt")
    assert (first.attempt, second.attempt, second.state) == (1, 2, GenerationState.QUEUED)
    assert (second.model_name, second.parameters) == (first.model_name, first.parameters)
    assert Send.objects.get(kind=SendKind.CONTINUE).message == cut.answer
    cut.conversation.refresh_from_db()
    assert cut.conversation.revision == revision + 1
    shown = turns.shown([cut.answer], viewer=ada)[0]
    assert (shown.state, shown.text) == (GenerationState.QUEUED, "A monad is")


def test_the_same_continue_five_times_is_one_generation(ada: User, cut: accepting.Turn) -> None:
    send_id = uuid.uuid4()

    made = {go_on(cut, ada, send_id).generation for _ in range(5)}

    assert len(made) == 1
    with pytest.raises(accepting.AlreadyAnswering):
        go_on(cut, ada)


@pytest.mark.parametrize(
    ("state", "reason", "may"),
    [
        (GenerationState.SUCCEEDED, "stop", False),
        (GenerationState.SUCCEEDED, "length", True),
        (GenerationState.INTERRUPTED, "", True),
        (GenerationState.STOPPED, "", True),
        (GenerationState.FAILED, "", False),
    ],
)
def test_only_a_cut_answer_is_continued(
    ada: User, cut: accepting.Turn, state: str, reason: str, may: bool
) -> None:
    Generation.objects.update(state=state, finish_reason=reason)

    assert turns.shown([cut.answer], viewer=ada)[0].can_continue is may
    if may:
        go_on(cut, ada)
    else:
        with pytest.raises(Refused, match="not cut"):
            go_on(cut, ada)


def test_an_answer_without_a_word_is_not_continued(ada: User, cut: accepting.Turn) -> None:
    cut.answer.parts.all().delete()

    with pytest.raises(Refused, match="Nothing was said"):
        go_on(cut, ada)


def test_a_continuation_that_is_stopped_before_it_began_can_be_asked_for_again(
    ada: User, cut: accepting.Turn
) -> None:
    go_on(cut, ada)
    sending.stop(cut.answer)

    assert go_on(cut, ada).generation.attempt == 3


def test_another_answer_may_run_meanwhile(ada: User, cut: accepting.Turn) -> None:
    again = sending.answer_again(cut.answer, author=ada, send_id=uuid.uuid4(), kind=SendKind.REGENERATE)

    go_on(cut, ada)

    assert Generation.objects.unfinished().count() == 2
    assert again.answer != cut.answer


def test_a_model_that_is_gone_and_a_deleted_answer_are_refused_in_words(
    ada: User, cut: accepting.Turn
) -> None:
    Generation.objects.update(model_name="gone")
    with pytest.raises(Refused, match="not offered"):
        go_on(cut, ada)

    pruning.delete_branch(cut.answer)
    with pytest.raises(Refused, match="deleted"):
        go_on(cut, ada)
