"""Questions in line: who waits, what may be changed, and that each is sent once and in order."""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import partial

import pytest
from django.utils import timezone

from conversations.models import (
    Attachment,
    Conversation,
    GenerationState,
    Message,
    Model,
    Role,
    Send,
    User,
    WaitingQuestion,
)
from conversations.services import accepting, lines, organising, rearranging, sending, tree
from conversations.services.accepting import Turn
from conversations.services.errors import Refused
from tests import factories
from tests.side_by_side import side_by_side


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)
    factories.model("claude")


@pytest.fixture
def running(ada: User) -> Turn:
    """A question whose answer is being made."""
    return factories.ask(ada, "First")


def send(author: User, conversation: Conversation | None, text: str, **given: object) -> object:
    fields = {"send_id": uuid.uuid4(), "model_name": ""} | given
    return lines.send(conversation, author=author, text=text, **fields)


def texts(conversation: Conversation) -> list[str]:
    return [waiting.text for waiting in lines.of(conversation).entries]


def questions(conversation: Conversation) -> list[str]:
    asked = Message.objects.filter(conversation=conversation, role=Role.USER).order_by("depth", "id")
    return [message.parts.get().text for message in asked]


def picture(owner: User) -> Attachment:
    return Attachment.objects.create(owner=owner, source_url="https://example.com/a.png", name="a")


# --- Asking ---------------------------------------------------------------------------------------------


def test_a_question_while_an_answer_is_made_waits_in_line(ada: User, running: Turn) -> None:
    before = Conversation.objects.get().revision

    waiting = send(ada, running.conversation, "Second")

    assert isinstance(waiting, WaitingQuestion)
    assert texts(running.conversation) == ["Second"]
    assert questions(running.conversation) == ["First"]
    assert Conversation.objects.get().revision == before + 1


def test_with_nothing_running_a_question_is_sent_at_once(ada: User, running: Turn) -> None:
    factories.end(running)

    assert isinstance(send(ada, running.conversation, "Second"), Turn)


def test_the_same_send_is_one_place_in_line_and_later_the_turn_that_it_became(
    ada: User, running: Turn
) -> None:
    send_id = uuid.uuid4()
    again = partial(send, ada, running.conversation, "Second", send_id=send_id)

    assert again() == again()
    factories.end(running)
    turn = lines.send_next(running.conversation.pk)

    assert turn
    assert again().answer == turn.answer
    assert questions(running.conversation) == ["First", "Second"]


def test_a_send_that_was_changed_in_line_is_still_known_as_it_was_sent(ada: User, running: Turn) -> None:
    send_id = uuid.uuid4()
    again = partial(send, ada, running.conversation, "Second", send_id=send_id)
    rearranging.change(again(), text="Second, better", model_name="")

    assert again().text == "Second, better"
    factories.end(running)
    turn = lines.send_next(running.conversation.pk)

    assert turn
    assert again().answer == turn.answer
    with pytest.raises(accepting.SendIdReused):
        send(ada, running.conversation, "Something else", send_id=send_id)


def test_the_same_send_id_with_another_text_is_refused_in_line_too(ada: User, running: Turn) -> None:
    send_id = uuid.uuid4()
    send(ada, running.conversation, "Second", send_id=send_id)

    with pytest.raises(accepting.SendIdReused):
        send(ada, running.conversation, "Third", send_id=send_id)


def test_a_send_id_in_line_belongs_to_its_sender(ada: User, eve: User, running: Turn) -> None:
    send_id = uuid.uuid4()
    send(ada, running.conversation, "Mine", send_id=send_id)

    hers = send(eve, None, "Hers", send_id=send_id)

    assert isinstance(hers, Turn)
    assert hers.conversation.owner == eve
    assert texts(running.conversation) == ["Mine"]


def test_nobody_overtakes_a_line_that_is_about_to_go_on(ada: User, running: Turn) -> None:
    send(ada, running.conversation, "Second")
    factories.end(running)

    assert isinstance(send(ada, running.conversation, "Third"), WaitingQuestion)
    assert texts(running.conversation) == ["Second", "Third"]


def test_a_question_passes_a_line_that_stands_and_the_line_goes_on_behind_it(
    ada: User, running: Turn
) -> None:
    send(ada, running.conversation, "Later")
    factories.end(running, GenerationState.STOPPED)

    passed = send(ada, running.conversation, "First this")

    assert isinstance(passed, Turn)
    factories.end(passed)
    assert lines.send_next(running.conversation.pk)
    assert questions(running.conversation) == ["First", "First this", "Later"]


def test_an_empty_question_and_a_model_that_is_gone_are_refused_before_they_wait(
    ada: User, running: Turn
) -> None:
    with pytest.raises(Refused, match="Write a message"):
        send(ada, running.conversation, " \n")
    with pytest.raises(Refused, match="not offered"):
        send(ada, running.conversation, "Second", model_name="gpt-9")


def test_a_full_line_is_refused_in_words(ada: User, running: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PER_CONVERSATION", 2)
    send(ada, running.conversation, "Second")
    third = send(ada, running.conversation, "Third")

    with pytest.raises(Refused, match="2 questions are in line"):
        send(ada, running.conversation, "Fourth")

    removed = rearranging.remove(running.conversation, [third])
    send(ada, running.conversation, "Fourth")
    with pytest.raises(Refused, match="2 questions are in line"):
        rearranging.restore(running.conversation, removed)


def test_one_person_s_lines_are_bounded_together(
    ada: User, running: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PER_PERSON", 1)
    send(ada, running.conversation, "Second")

    with pytest.raises(Refused, match="of your questions are in line"):
        send(ada, running.conversation, "Third")


# --- Pictures -------------------------------------------------------------------------------------------


def test_pictures_wait_with_their_question_and_are_sent_with_it(ada: User, running: Turn) -> None:
    mine = picture(ada)
    waiting = send(ada, running.conversation, "Look", attachment_ids=(mine.public_id,))

    mine.refresh_from_db()
    assert (mine.waiting, mine.message) == (waiting, None)
    with pytest.raises(Refused, match="no longer there"):
        send(ada, None, "Elsewhere", attachment_ids=(mine.public_id,))
    factories.end(running)
    turn = lines.send_next(running.conversation.pk)

    mine.refresh_from_db()
    assert turn
    assert (mine.waiting, mine.message) == (None, turn.question)


def test_somebody_else_s_picture_does_not_wait_with_ones_own_question(
    ada: User, eve: User, running: Turn
) -> None:
    with pytest.raises(Refused, match="no longer there"):
        send(ada, running.conversation, "Look", attachment_ids=(picture(eve).public_id,))

    assert not WaitingQuestion.objects.exists()
    assert Attachment.objects.get().waiting is None


# --- Going on -------------------------------------------------------------------------------------------


def test_the_line_goes_on_one_by_one_in_order(ada: User, running: Turn) -> None:
    for text in ("Second", "Third"):
        send(ada, running.conversation, text)

    assert lines.send_next(running.conversation.pk) is None
    factories.end(running)
    assert lines.due() == [running.conversation.pk]
    second = lines.send_next(running.conversation.pk)
    assert second
    assert lines.send_next(running.conversation.pk) is None
    assert lines.due() == []
    factories.end(second)
    lines.send_next(running.conversation.pk)

    assert questions(running.conversation) == ["First", "Second", "Third"]
    assert not WaitingQuestion.objects.exists()


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (GenerationState.STOPPED, "stopped"),
        (GenerationState.FAILED, "failed"),
        (GenerationState.INTERRUPTED, "interrupted"),
    ],
)
def test_after_an_answer_that_did_not_succeed_the_line_stands_until_it_is_resumed(
    ada: User, running: Turn, state: GenerationState, word: str
) -> None:
    send(ada, running.conversation, "Second")
    factories.end(running, state)

    assert lines.due() == []
    assert lines.send_next(running.conversation.pk) is None
    assert word in lines.of(running.conversation).paused
    assert lines.send_next(running.conversation.pk, by_hand=True)
    assert questions(running.conversation) == ["First", "Second"]


def test_a_retry_that_succeeds_lets_the_line_go_on(ada: User, running: Turn) -> None:
    send(ada, running.conversation, "Second")
    factories.end(running, GenerationState.FAILED)

    again = sending.answer_again(running.answer, author=ada, send_id=uuid.uuid4(), kind="retry")
    factories.end(again)

    turn = lines.send_next(running.conversation.pk)
    assert turn
    assert turn.question.parent == again.answer


def test_a_line_does_not_go_on_below_another_branch_that_is_looked_at(ada: User, running: Turn) -> None:
    factories.end(running)
    newer = sending.answer_again(running.answer, author=ada, send_id=uuid.uuid4(), kind="regenerate")
    send(ada, running.conversation, "Second")
    conversation = Conversation.objects.get()

    tree.show(conversation, running.answer)

    assert lines.send_next(conversation.pk) is None
    assert "another branch" in lines.of(conversation).paused
    tree.show(conversation, newer.answer)
    factories.end(newer)
    assert lines.send_next(conversation.pk)


def test_a_question_that_can_t_be_sent_says_why_and_holds_the_line(ada: User, running: Turn) -> None:
    bad = send(ada, running.conversation, "Second", model_name="claude")
    send(ada, running.conversation, "Third")
    Model.objects.filter(name="claude").update(is_enabled=False)
    factories.end(running)

    assert lines.send_next(running.conversation.pk) is None
    bad.refresh_from_db()
    assert "claude is not offered" in bad.problem
    assert "could not be sent" in lines.of(running.conversation).paused
    assert lines.due() == []

    rearranging.change(bad, text="Second", model_name="gpt-4o")
    assert lines.due() == [running.conversation.pk]
    assert lines.send_next(running.conversation.pk)


def test_a_full_queue_is_no_problem_of_the_question(
    ada: User, running: Turn, settings: pytest.FixtureRequest
) -> None:
    waiting = send(ada, running.conversation, "Second")
    factories.end(running)
    factories.ask(ada, "Elsewhere")
    settings.ENGINE_QUEUE_PER_PERSON = 1

    assert lines.send_next(running.conversation.pk) is None
    waiting.refresh_from_db()
    assert waiting.problem == ""
    settings.ENGINE_QUEUE_PER_PERSON = 2
    assert lines.send_next(running.conversation.pk)


def test_the_line_of_a_deactivated_person_and_of_a_deleted_conversation_stands(
    ada: User, running: Turn
) -> None:
    send(ada, running.conversation, "Second")
    factories.end(running)

    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert lines.due() == []
    assert lines.send_next(running.conversation.pk) is None
    User.objects.filter(pk=ada.pk).update(is_active=True)
    organising.delete(running.conversation)
    assert lines.due() == []
    assert lines.send_next(running.conversation.pk) is None

    organising.restore(running.conversation)
    assert lines.send_next(running.conversation.pk)


@pytest.mark.django_db(transaction=True)
def test_however_many_engines_look_each_is_sent_once(ada: User, running: Turn) -> None:
    for text in ("Second", "Third"):
        send(ada, running.conversation, text)
    factories.end(running)

    made = side_by_side(*[partial(lines.send_next, running.conversation.pk)] * 6)

    assert sum(turn is not None for turn in made) == 1
    assert questions(running.conversation) == ["First", "Second"]
    assert texts(running.conversation) == ["Third"]


@pytest.mark.django_db(transaction=True)
def test_sends_changes_and_an_engine_at_once_lose_nothing_and_double_nothing(
    ada: User, running: Turn
) -> None:
    first = send(ada, running.conversation, "Second")
    twice = partial(send, ada, running.conversation, "Twice", send_id=uuid.uuid4())
    factories.end(running)

    def change() -> None:
        with suppress(lines.NotInLine):
            rearranging.move(first, by=1)

    side_by_side(
        twice,
        twice,
        change,
        partial(send, ada, running.conversation, "Once"),
        partial(lines.send_next, running.conversation.pk),
        partial(lines.send_next, running.conversation.pk),
    )

    everything = questions(running.conversation) + texts(running.conversation)
    assert sorted(everything) == ["First", "Once", "Second", "Twice"]
    assert Send.objects.count() == len(questions(running.conversation))


# --- Changing -------------------------------------------------------------------------------------------


def test_questions_move_and_stop_at_the_ends(ada: User, running: Turn) -> None:
    one, two, three = (send(ada, running.conversation, text) for text in ("1", "2", "3"))

    rearranging.move(three, by=-1)
    assert texts(running.conversation) == ["1", "3", "2"]
    rearranging.move(one, by=-1)
    rearranging.move(two, by=1)
    assert texts(running.conversation) == ["1", "3", "2"]
    rearranging.move(one, by=1)
    assert texts(running.conversation) == ["3", "1", "2"]


def test_what_was_removed_comes_back_where_it_was(ada: User, running: Turn) -> None:
    _, two, _ = (send(ada, running.conversation, text) for text in ("1", "2", "3"))

    removed = rearranging.remove(running.conversation, [two])
    assert texts(running.conversation) == ["1", "3"]
    rearranging.restore(running.conversation, removed)

    assert texts(running.conversation) == ["1", "2", "3"]


def test_nothing_is_brought_back_through_another_conversation(ada: User, eve: User, running: Turn) -> None:
    removed = rearranging.remove(running.conversation, [send(ada, running.conversation, "Secret")])
    hers = factories.ask(eve).conversation

    rearranging.restore(hers, removed)

    assert texts(hers) == texts(running.conversation) == []


def test_stop_and_clear_takes_all_out_and_stops_what_runs(ada: User, running: Turn) -> None:
    for text in ("Second", "Third"):
        send(ada, running.conversation, text)

    removed = rearranging.stop_and_clear(running.answer)

    assert factories.generation_of(running).state == GenerationState.STOPPED
    assert texts(running.conversation) == []
    rearranging.restore(running.conversation, removed)
    assert texts(running.conversation) == ["Second", "Third"]
    assert "stopped" in lines.of(running.conversation).paused


def test_stop_and_clear_reaches_the_question_that_has_just_left_the_line(ada: User, running: Turn) -> None:
    send(ada, running.conversation, "Second")
    factories.end(running)
    second = lines.send_next(running.conversation.pk)

    rearranging.stop_and_clear(running.answer)

    assert second
    assert factories.generation_of(second).state == GenerationState.STOPPED


def test_a_question_that_was_sent_meanwhile_can_t_be_changed_any_more(ada: User, running: Turn) -> None:
    waiting = send(ada, running.conversation, "Second")
    factories.end(running)
    lines.send_next(running.conversation.pk)

    with pytest.raises(lines.NotInLine):
        rearranging.change(waiting, text="Too late", model_name="")
    with pytest.raises(lines.NotInLine):
        rearranging.move(waiting, by=1)
    assert rearranging.remove(running.conversation, [waiting]) == []


def test_what_was_removed_is_erased_in_the_end(ada: User, running: Turn) -> None:
    send(ada, running.conversation, "Stays")
    rearranging.remove(running.conversation, [send(ada, running.conversation, "Goes")])

    assert rearranging.erase_removed(timezone.now()) == 1
    assert texts(running.conversation) == ["Stays"]


@pytest.mark.parametrize("count", [1, 20])
def test_a_line_is_one_query_however_long(
    ada: User, running: Turn, count: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(count):
        send(ada, running.conversation, f"Question {number}")

    with django_assert_num_queries(1):
        assert len(lines.of(running.conversation).entries) == count
    factories.end(running)
    with django_assert_num_queries(1):
        lines.due()
