"""Questions and what is queued for them."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import connection

from conversations.models import (
    Conversation,
    Generation,
    GenerationState,
    Message,
    Role,
    Send,
    SendKind,
    User,
)
from conversations.services import accepting, sending, versions
from conversations.services.errors import Refused
from tests import factories


def send(author: User, text: str = "Hi", **given: object) -> accepting.Turn:
    fields = {"send_id": uuid.uuid4(), "model_name": "", "conversation": None} | given
    conversation = fields.pop("conversation")
    return sending.send_message(conversation, author=author, text=text, **fields)


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)
    factories.model("claude")


def test_the_first_question_makes_a_conversation_and_queues_its_answer(ada: User) -> None:
    turn = send(ada, "What is a monad?\nIn one line.")

    conversation = Conversation.objects.get()
    assert conversation.owner == ada
    assert conversation.title == "What is a monad? In one line."
    assert conversation.current_leaf == turn.answer
    generation = Generation.objects.get()
    assert (generation.state, generation.model_name) == (GenerationState.QUEUED, "gpt-4o")
    assert generation.send == Send.objects.get()


def test_the_same_send_is_one_turn(ada: User) -> None:
    send_id = uuid.uuid4()

    first, second = send(ada, send_id=send_id), send(ada, send_id=send_id)

    assert (first.is_new, second.is_new) == (True, False)
    assert first.answer == second.answer
    assert Message.objects.count() == 2


def test_the_same_send_id_with_another_text_is_refused(ada: User) -> None:
    send_id = uuid.uuid4()
    send(ada, "One", send_id=send_id)

    with pytest.raises(accepting.SendIdReused):
        send(ada, "Two", send_id=send_id)

    assert Message.objects.count() == 2


def test_a_send_id_belongs_to_its_sender(ada: User, bob: User) -> None:
    send_id = uuid.uuid4()
    hers = send(ada, "Mine", send_id=send_id)

    his = send(bob, "Mine too", send_id=send_id)

    assert his.conversation != hers.conversation
    assert his.conversation.owner == bob


def test_a_second_question_hangs_below_the_first_answer(ada: User) -> None:
    first = send(ada)
    Generation.objects.update(state=GenerationState.SUCCEEDED, ended_at=first.answer.created_at)

    second = send(ada, "And then?", conversation=first.conversation)

    assert second.question.parent == first.answer
    assert second.question.depth == 2


def test_a_question_while_an_answer_is_written_is_refused(ada: User) -> None:
    turn = send(ada)

    with pytest.raises(accepting.AlreadyAnswering):
        send(ada, "Faster", conversation=turn.conversation)


def test_a_model_that_is_not_offered_is_refused(ada: User) -> None:
    with pytest.raises(Refused, match="not offered"):
        send(ada, model_name="gpt-9")


def test_an_empty_question_is_refused(ada: User) -> None:
    with pytest.raises(Refused, match="Write a message"):
        send(ada, "  \n ")

    assert not Conversation.objects.exists()


def test_a_full_line_is_refused_in_words(ada: User, settings: pytest.FixtureRequest) -> None:
    settings.ENGINE_QUEUE_PER_PERSON = 2
    send(ada)
    send(ada)

    with pytest.raises(Refused, match="Too many"):
        send(ada)


def test_another_version_stands_beside_the_first(ada: User) -> None:
    turn = send(ada)
    Generation.objects.update(state=GenerationState.FAILED, ended_at=turn.answer.created_at)

    again = sending.answer_again(
        turn.answer, author=ada, send_id=uuid.uuid4(), kind=SendKind.REGENERATE, model_name="claude"
    )

    assert again.answer.parent == turn.question
    assert factories.generation_of(again).model_name == "claude"
    turn.conversation.refresh_from_db()
    assert turn.conversation.current_leaf == again.answer


def test_looking_at_another_version_shows_its_youngest_branch(ada: User) -> None:
    turn = send(ada)
    Generation.objects.update(state=GenerationState.SUCCEEDED, ended_at=turn.answer.created_at)
    deeper = send(ada, "More", conversation=turn.conversation)
    Generation.objects.update(state=GenerationState.SUCCEEDED, ended_at=turn.answer.created_at)
    sending.answer_again(turn.answer, author=ada, send_id=uuid.uuid4(), kind=SendKind.REGENERATE)

    shown = versions.show(turn.answer)

    assert shown.current_leaf == deeper.answer


@pytest.mark.django_db(transaction=True)
def test_five_tabs_with_the_same_send_make_one_generation(ada: User) -> None:
    send_id = uuid.uuid4()
    faults: list[Exception] = []

    def post() -> None:
        try:
            send(ada, "Once", send_id=send_id)
        except Exception as fault:  # noqa: BLE001 - told to the test below
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not faults
    assert Generation.objects.count() == 1
    assert Message.objects.filter(role=Role.USER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_writers_on_one_conversation_leave_one_line_of_messages(ada: User) -> None:
    conversation = send(ada).conversation
    Generation.objects.update(state=GenerationState.SUCCEEDED, ended_at=conversation.created_at)
    faults: list[Exception] = []

    def post(number: int) -> None:
        try:
            send(ada, f"Question {number}", conversation=conversation)
        except accepting.AlreadyAnswering:
            pass
        except Exception as fault:  # noqa: BLE001 - told to the test below
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not faults
    assert Message.objects.filter(conversation=conversation, role=Role.USER).count() == 2
    assert Generation.objects.unfinished().count() == 1
