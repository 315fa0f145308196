"""A conversation of its own from any message on."""

from __future__ import annotations

import time
import uuid

import pytest
from django.utils import timezone

from conversations.models import (
    Attachment,
    Call,
    Conversation,
    GatewayKey,
    Generation,
    GenerationState,
    MadeBy,
    Message,
    Part,
    Role,
    Send,
    SendKind,
    ToolApproval,
    ToolCall,
    ToolCallState,
    User,
)
from conversations.services import accepting, access, calls, forking, organising, sending, turns
from conversations.services.errors import Refused
from tests import factories


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)


def asked(
    ada: User, text: str = "What is a monad?", conversation: Conversation | None = None
) -> accepting.Turn:
    turn = factories.ask(ada, text, conversation=conversation)
    generation = factories.generation_of(turn)
    turn.answer.parts.create(position=0, kind="text", text=f"Answer to {text}", generation=generation)
    factories.end(turn)
    return turn


def fork(message: Message, ada: User, send_id: uuid.UUID | None = None) -> Conversation:
    return forking.fork(message, author=ada, send_id=send_id or uuid.uuid4())


def test_a_fork_ends_at_the_message_and_the_original_stays(ada: User) -> None:
    first = asked(ada, "Alpha")
    asked(ada, "Beta", first.conversation)
    before = Message.objects.filter(conversation=first.conversation).count()

    forked = fork(first.answer, ada)

    branch = turns.branch_of(forked, viewer=ada)
    assert [message.text for message in branch.messages] == ["Alpha", "Answer to Alpha"]
    assert [message.message.depth for message in branch.messages] == [0, 1]
    assert (forked.title, forked.forked_from, forked.owner) == ("Alpha (fork)", first.answer, ada)
    assert Message.objects.filter(conversation=first.conversation).count() == before
    assert Send.objects.get(kind=SendKind.FORK).conversation == forked
    assert not Generation.objects.unfinished().exists()


def test_the_same_fork_five_times_is_one_conversation(ada: User) -> None:
    turn, send_id = asked(ada), uuid.uuid4()

    assert len({fork(turn.answer, ada, send_id).pk for _ in range(5)}) == 1
    with pytest.raises(accepting.SendIdReused):
        fork(turn.question, ada, send_id)


def test_states_and_infos_come_along_and_no_costs(ada: User) -> None:
    turn = asked(ada)
    generation = factories.generation_of(turn)
    calls.begin(purpose="answer", generation=generation, key=GatewayKey.objects.get())
    Generation.objects.update(state=GenerationState.STOPPED, finish_reason="length")

    forked = fork(turn.answer, ada)

    copy = Generation.objects.get(message__conversation=forked)
    assert (copy.state, copy.finish_reason, copy.model_name) == (GenerationState.STOPPED, "length", "gpt-4o")
    assert copy.send is None
    assert copy.parts.get().message.conversation == forked
    assert Call.objects.count() == 1


def test_tool_calls_come_along_with_their_results_and_without_the_approval(ada: User) -> None:
    turn = asked(ada)
    generation = factories.generation_of(turn)
    part = turn.answer.parts.create(position=1, kind="tool_call", generation=generation)
    original = ToolCall.objects.create(
        generation=generation,
        part=part,
        round=0,
        position=0,
        name="current_time",
        result="noon",
        state=ToolCallState.SUCCEEDED,
        decided_by=ada,
        decided_at=timezone.now(),
    )
    ToolApproval.objects.create(
        conversation=turn.conversation, person=ada, name="current_time", definition_hash="x"
    )

    forked = fork(turn.answer, ada)

    copy = ToolCall.objects.get(generation__message__conversation=forked)
    assert (copy.name, copy.result, copy.state) == ("current_time", "noon", ToolCallState.SUCCEEDED)
    assert (copy.decided_by, copy.decided_at) == (None, None)
    assert copy.public_id != original.public_id
    assert not ToolApproval.objects.filter(conversation=forked).exists()
    branch = turns.branch_of(forked, viewer=ada)
    assert branch.messages[1].blocks[1].tools[0].result == "noon"


def test_files_are_shared_and_the_pictures_of_a_model_are_shown_from_the_fork(ada: User) -> None:
    turn = asked(ada)
    picture = Attachment.objects.create(
        owner=ada, message=turn.answer, source_url="https://example.com/p.png", made_by=MadeBy.MODEL
    )
    Part.objects.filter(message=turn.answer).update(
        text=f"![p](attachment:{picture.public_id})", html=f'<img src="/attachments/{picture.public_id}/">'
    )

    forked = fork(turn.answer, ada)

    copy = Attachment.objects.get(message__conversation=forked)
    part = Part.objects.get(message=copy.message)
    assert str(copy.public_id) in part.text
    assert str(copy.public_id) in part.html
    assert str(picture.public_id) not in part.text + part.html


def test_an_answer_that_is_being_written_is_refused_in_words_and_its_question_is_not(ada: User) -> None:
    turn = factories.ask(ada)

    with pytest.raises(Refused, match="still being written"):
        fork(turn.answer, ada)

    assert fork(turn.question, ada).messages.count() == 1


def test_of_an_answer_that_goes_on_the_fork_takes_what_is_final(ada: User) -> None:
    first = asked(ada, "Alpha")
    second = asked(ada, "Beta", first.conversation)
    going_on = Generation.objects.create(
        message=first.answer, attempt=2, asked_by=ada, model_name="gpt-4o", state=GenerationState.QUEUED
    )
    first.answer.parts.create(position=1, kind="text", text=" and more", generation=going_on)

    forked = fork(second.answer, ada)

    texts = [message.text for message in turns.branch_of(forked, viewer=ada).messages]
    assert texts[1] == "Answer to Alpha"


def test_where_it_came_from_is_told_while_that_can_be_read(ada: User, bob: User) -> None:
    turn = asked(ada)
    forked = fork(turn.answer, ada)

    assert access.origin_of(ada, forked) == turn.answer
    assert access.origin_of(bob, forked) is None
    organising.delete(turn.conversation)
    assert access.origin_of(ada, forked) is None


def test_a_fork_can_be_gone_on_with(ada: User) -> None:
    forked = fork(asked(ada).answer, ada)

    turn = sending.send_message(forked, author=ada, send_id=uuid.uuid4(), text="And?", model_name="")

    assert turn.question.depth == 2


def test_a_branch_of_two_thousand_messages_is_forked_in_few_queries(
    ada: User, django_assert_max_num_queries: object
) -> None:
    turn = asked(ada)
    last = turn.answer
    for number in range(1998):
        role, author = (Role.USER, ada) if number % 2 == 0 else (Role.ASSISTANT, None)
        last = Message.objects.create(
            conversation=turn.conversation, parent=last, depth=last.depth + 1, role=role, author=author
        )
    Part.objects.bulk_create(
        Part(message=message, position=0, kind="text", text="Words")
        for message in Message.objects.filter(depth__gt=1)
    )

    began = time.process_time()
    with django_assert_max_num_queries(80):
        forked = fork(last, ada)

    assert forked.messages.count() == 2000
    copies = list(forked.messages.order_by("depth"))
    assert all(copy.parent_id == above.pk for above, copy in zip(copies, copies[1:], strict=False))
    assert Part.objects.filter(message__conversation=forked).count() == 2000
    assert time.process_time() - began < 20
