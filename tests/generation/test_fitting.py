"""Which turns go out: the choice alone, and the request that is built by it."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.chainhub import messages as wire
from conversations.generation import fitting, requests
from conversations.models import (
    Conversation,
    Generation,
    GenerationState,
    Message,
    Model,
    Part,
    ToolCall,
    ToolCallState,
    User,
)
from conversations.services import estimating, outlines, sending
from conversations.services.accepting import Turn
from conversations.services.outlines import Entry
from tests import factories

MANY_WORDS = "All the words of a long question, one after the other, and on and on. "


def entries(turns: list[tuple[int, int, bool]]) -> list[Entry]:
    """A branch: for each turn the tokens of its question and of its answer, and whether it is pinned."""
    made: list[Entry] = []
    for question, answer, is_pinned in turns:
        for is_question, tokens in ((True, question), (False, answer)):
            made.append(Entry(len(made) + 1, len(made), is_question, is_pinned and is_question, tokens))
    return made


branches = st.lists(
    st.tuples(st.integers(1, 400), st.integers(1, 400), st.booleans()), min_size=1, max_size=40
)
covers = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 300)), max_size=4)


@settings(max_examples=300, deadline=None)
@given(branches, st.integers(0, 6000), covers)
def test_whatever_goes_out_fits_is_whole_and_has_the_newest_and_the_pinned(
    branch: list[tuple[int, int, bool]], room: int, covers: list[tuple[int, int]]
) -> None:
    turns = fitting.turns_of(entries(branch))
    summaries = [
        fitting.Covered(pk, min(count, len(turns)), tokens) for pk, (count, tokens) in enumerate(covers)
    ]
    must = [turn for place, turn in enumerate(turns) if turn.is_pinned or place == len(turns) - 1]

    try:
        fit = fitting.fit(turns, room=room, summaries=summaries)
    except fitting.TooLong:
        assert sum(turn.tokens for turn in must) > room
        return

    assert sum(turns[place].tokens for place in fit.sent) <= room
    assert fit.tokens <= room
    assert all(turn in [turns[place] for place in fit.sent] for turn in must)
    # Every turn has one place: sent, in the summary, or left out; and none stands in two.
    assert sorted((*fit.sent, *fit.left_out, *fit.summarised)) == list(range(len(turns)))
    assert not fit.summarised or (fit.summary and max(fit.summarised) < fit.summary.turns)
    # What is left out is older than everything that is sent unpinned.
    plain = [place for place in fit.sent if not turns[place].is_pinned]
    assert not fit.left_out or max(fit.left_out) < min(plain, default=len(turns))


@settings(max_examples=200, deadline=None)
@given(branches, st.integers(0, 6000))
def test_no_turn_that_would_still_fit_is_left_out(branch: list[tuple[int, int, bool]], room: int) -> None:
    turns = fitting.turns_of(entries(branch))
    try:
        fit = fitting.fit(turns, room=room)
    except fitting.TooLong:
        return

    if fit.left_out:
        assert fit.tokens + turns[max(fit.left_out)].tokens > room


def test_the_smallest_summary_behind_which_all_fits_is_used() -> None:
    turns = fitting.turns_of(entries([(50, 50, False)] * 10))
    early, late = fitting.Covered(1, 3, 20), fitting.Covered(2, 8, 20)

    assert fitting.fit(turns, room=800, summaries=[late, early]).summary == early
    assert fitting.fit(turns, room=300, summaries=[late, early]).summary == late
    assert fitting.fit(turns, room=1000, summaries=[late, early]).summary is None


def test_a_new_summary_leaves_room_for_questions_to_come() -> None:
    turns = fitting.turns_of(entries([(50, 50, False)] * 10))

    end = fitting.cut(turns, room=800)

    assert sum(turn.tokens for turn in turns[end:]) <= 400
    assert end == 6


def test_the_answer_takes_half_of_the_context_at_most() -> None:
    assert fitting.room(None, output=None, fixed=0) is None
    assert fitting.room(10_000, output=1_000, fixed=100) == 8_000
    assert fitting.room(10_000, output=64_000, fixed=100) == 4_400
    assert fitting.room(1_000, output=None, fixed=10_000) == 0


# --- The request that goes out ---------------------------------------------------------------------------


def asked(author: User, conversation: Conversation | None, text: str, answer: str = "") -> Turn:
    turn = sending.send_message(
        conversation, author=author, send_id=uuid.uuid4(), text=text, model_name="small"
    )
    if answer:
        Part.objects.create(message=turn.answer, position=0, kind="text", text=answer)
        factories.end(turn)
    return turn


def with_a_tool(turn: Turn) -> None:
    part = Part.objects.create(message=turn.answer, position=1, kind="tool_call")
    ToolCall.objects.create(
        generation=factories.generation_of(turn),
        part=part,
        round=0,
        position=0,
        call_id="call_1",
        name="current_time",
        arguments_text="{}",
        result="12:00 " * 20,
        state=ToolCallState.SUCCEEDED,
        ended_at=timezone.now(),
    )


def texts_of(request: wire.ChatRequest) -> list[str]:
    return [part.text for said in request.messages for part in said.parts if isinstance(part, wire.Text)]


@pytest.fixture
def small(ada: User) -> Model:
    return factories.model("small", context_size=1600, max_output=400)


def fitted(turn: Turn) -> requests.Fitted:
    generation = factories.generation_of(turn)
    assert generation.model
    return requests.fitted(generation, model=generation.model)


def test_the_oldest_turns_stay_here_whole_and_every_call_keeps_its_result(ada: User, small: Model) -> None:
    first = asked(ada, None, "Question 0 " + MANY_WORDS * 6, "Answer 0")
    for number in range(1, 20):
        turn = asked(ada, first.conversation, f"Question {number} " + MANY_WORDS * 3, f"Answer {number}")
        if number % 2:
            with_a_tool(turn)
    last = asked(ada, first.conversation, "And now?")

    found = fitted(last)

    said = texts_of(found.request)
    assert said[-1] == "And now?"
    assert not any(text.startswith("Question 0 ") for text in said)
    assert found.request.messages[0].role == "user"
    calls = [p for said in found.request.messages for p in said.parts if isinstance(p, wire.ToolCall)]
    results = [p for said in found.request.messages for p in said.parts if isinstance(p, wire.ToolResult)]
    assert calls
    assert [call.call_id for call in calls] == [result.call_id for result in results]
    assert estimating.tokens_of(found.request) <= 1600 - 400
    told = found.window.told
    assert told["of"] == 1600
    assert told["sent"] + told["left_out"] == 41
    assert told["left_out"] > 0


def test_a_pinned_message_goes_out_however_old(ada: User, small: Model) -> None:
    first = asked(ada, None, "My name is Ada.", "Hello, Ada.")
    for number in range(20):
        asked(ada, first.conversation, f"Question {number} " + MANY_WORDS * 3, "Yes.")
    Message.objects.filter(pk=first.question.pk).update(pinned_at=timezone.now())

    said = texts_of(fitted(asked(ada, first.conversation, "What is my name?")).request)

    assert said[:2] == ["My name is Ada.", "Hello, Ada."]
    assert said[-1] == "What is my name?"


def test_a_question_that_is_too_long_alone_is_refused_in_words(ada: User, small: Model) -> None:
    turn = asked(ada, None, MANY_WORDS * 200)

    with pytest.raises(fitting.TooLong, match="This question alone is longer than the model takes"):
        fitted(turn)


def test_a_model_of_unknown_size_is_sent_everything(ada: User) -> None:
    factories.model("small")
    first = asked(ada, None, MANY_WORDS * 300, "Yes.")

    found = fitted(asked(ada, first.conversation, "And?"))

    assert len(found.request.messages) == 3
    assert found.window.told["of"] is None


@pytest.mark.parametrize("turns", [10, 200])
def test_a_request_makes_the_same_queries_however_long_its_branch(
    ada: User, small: Model, turns: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    turn = asked(ada, None, "Question " + MANY_WORDS * 3, "Answer")
    for _ in range(turns - 2):
        asked(ada, turn.conversation, "Question " + MANY_WORDS * 3, "Answer")
    outlines.counted(outlines.of(Conversation.objects.get().current_leaf_id))
    turn = asked(ada, turn.conversation, "And now?")
    generation = Generation.objects.select_related("message", "model").get(message=turn.answer)

    # the settings, the outline, the new question's parts and pictures, its count in a transaction (3), the
    # messages that go out, their parts, tool calls, attachments, and the person's and conversation's rows (2)
    with django_assert_num_queries(11):
        requests.request_for(generation, model=generation.model)


def test_messages_are_counted_once(ada: User, small: Model, django_assert_num_queries: object) -> None:
    turn = asked(ada, None, "One two three", "Four five six")
    branch = outlines.of(turn.answer.pk)

    counted = outlines.counted(branch)

    assert [entry.tokens for entry in counted] == [7, 7]
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert outlines.counted(outlines_again := counted) == outlines_again
    assert [entry.tokens for entry in outlines.of(turn.answer.pk)] == [7, 7]


def test_an_answer_that_ended_is_counted_with_its_tools(ada: User, small: Model) -> None:
    turn = asked(ada, None, "What time is it?", "Noon.")
    plain = outlines.counted(outlines.of(turn.answer.pk))[-1].tokens
    Message.objects.update(tokens=None)
    with_a_tool(turn)

    assert outlines.counted(outlines.of(turn.answer.pk))[-1].tokens > plain + 40
    assert factories.generation_of(turn).state == GenerationState.SUCCEEDED
