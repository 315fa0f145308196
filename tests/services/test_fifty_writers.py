"""Fifty people's tabs write into one conversation at once: what stands there is what the sends describe."""

from __future__ import annotations

import contextlib
import random
import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import connection

from conversations.models import Conversation, Generation, Message, Role, Send, SendKind, User
from conversations.services import continuing, lines, pruning, sending, titles, versions
from conversations.services.errors import Refused
from tests import factories

Write = Callable[[User, Conversation, random.Random], object]


def some(conversation: Conversation, chance: random.Random, role: Role) -> Message:
    found = list(conversation.messages.filter(role=role, deleted_at=None).order_by("id"))
    if not found:
        raise Refused("Nothing is left.")
    return chance.choice(found)


def ask(ada: User, conversation: Conversation, chance: random.Random) -> None:
    sending.send_message(conversation, author=ada, send_id=uuid.uuid4(), text="Question", model_name="")


def wait_in_line(ada: User, conversation: Conversation, chance: random.Random) -> None:
    lines.send(conversation, author=ada, send_id=uuid.uuid4(), text="In line", model_name="")


def edit(ada: User, conversation: Conversation, chance: random.Random) -> None:
    question = some(conversation, chance, Role.USER)
    versions.edit_question(question, author=ada, send_id=uuid.uuid4(), text="Otherwise")


def make_again(ada: User, conversation: Conversation, chance: random.Random) -> None:
    answer = some(conversation, chance, Role.ASSISTANT)
    sending.answer_again(answer, author=ada, send_id=uuid.uuid4(), kind=SendKind.REGENERATE)


def go_on(ada: User, conversation: Conversation, chance: random.Random) -> None:
    answer = some(conversation, chance, Role.ASSISTANT)
    continuing.continue_answer(answer, author=ada, send_id=uuid.uuid4())


def stop(ada: User, conversation: Conversation, chance: random.Random) -> None:
    sending.stop(some(conversation, chance, Role.ASSISTANT))


def name(ada: User, conversation: Conversation, chance: random.Random) -> None:
    titles.rename(conversation, title=f"Title {chance.random()}")


def turn_pages(ada: User, conversation: Conversation, chance: random.Random) -> None:
    versions.show(some(conversation, chance, chance.choice([Role.USER, Role.ASSISTANT])))


def prune(ada: User, conversation: Conversation, chance: random.Random) -> None:
    message = some(conversation, chance, Role.ASSISTANT)
    pruning.restore(conversation, pruning.delete_branch(message))


# Whatever else may change a conversation belongs here.
WRITES: list[Write] = [ask, wait_in_line, edit, make_again, go_on, stop, name, turn_pages, prune]


@pytest.mark.django_db(transaction=True)
def test_fifty_writers_leave_exactly_the_tree_that_the_sends_describe(
    ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.ENGINE_QUEUE_PER_PERSON = 1000
    factories.model("gpt-4o", is_default=True)
    first = factories.ask(ada)
    part = first.answer.parts.create(position=0, kind="text", text="Cut")
    Generation.objects.update(state="stopped", ended_at=part.message.created_at)
    faults: list[BaseException] = []
    start = threading.Barrier(50)

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            start.wait(60)
            for write in chance.choices(WRITES, k=3):
                with contextlib.suppress(Refused):
                    write(ada, Conversation.objects.get(pk=first.conversation.pk), chance)
        except BaseException as fault:  # noqa: BLE001 - told to the test below
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not faults
    check_the_tree(first.conversation)


def check_the_tree(conversation: Conversation) -> None:
    messages = {message.pk: message for message in conversation.messages.select_related("parent")}
    sends = Send.objects.filter(conversation=conversation)
    # Each question was sent or edited once, each version of an answer made by one generation of one send.
    questions = {pk for pk, message in messages.items() if message.role == Role.USER}
    asked = list(sends.filter(kind__in=[SendKind.SEND, SendKind.EDIT]).values_list("message", flat=True))
    assert sorted(asked) == sorted(questions)
    answers = {pk for pk, message in messages.items() if message.role == Role.ASSISTANT}
    made = Generation.objects.filter(message__conversation=conversation, attempt=1)
    assert sorted(made.values_list("message", flat=True)) == sorted(answers)
    generations = Generation.objects.filter(message__conversation=conversation)
    assert generations.count() == sends.count()
    assert sorted(generations.values_list("send", flat=True)) == sorted(sends.values_list("pk", flat=True))
    for message in messages.values():
        if message.parent is not None:
            assert message.parent_id in messages
            assert message.depth == message.parent.depth + 1
            # A question may follow one whose answers were deleted just then; an answer follows a question.
            assert Role.USER in (message.role, message.parent.role)
        assert (message.deleted_at is None) == (message.deletion is None)
    conversation.refresh_from_db()
    leaf = messages[conversation.current_leaf_id]
    assert leaf.deleted_at is None
    assert not any(message.parent_id == leaf.pk and not message.deleted_at for message in messages.values())
