"""Conversations erased for good."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from conversations.models import (
    Attachment,
    Call,
    Comparison,
    Conversation,
    Draft,
    Generation,
    GenerationState,
    Message,
    Part,
    PendingSend,
    Send,
    StoredFile,
    Summary,
    ToolApproval,
    ToolCall,
    User,
    WaitingQuestion,
)
from conversations.services import calls, erasing, files, forking
from conversations.services.calls import Purpose
from tests import factories
from tests.services.pictures import picture

PLANTED = "the-walrus-sings-at-midnight"


def ended(turn) -> Generation:
    Generation.objects.filter(message=turn.answer).update(
        state=GenerationState.SUCCEEDED, ended_at=timezone.now()
    )
    return factories.generation_of(turn)


def full_conversation(ada: User) -> Conversation:
    """A conversation with a row of every kind that can point at it, the planted words in all texts."""
    turn = factories.ask(ada, f"Say: {PLANTED}")
    generation = ended(turn)
    answer = turn.answer
    part = Part.objects.create(message=answer, position=0, kind="text", text=PLANTED, html=PLANTED)
    called = Part.objects.create(message=answer, position=1, kind="tool_call")
    ToolCall.objects.create(
        generation=generation,
        part=called,
        round=0,
        position=0,
        name="x",
        arguments_text=PLANTED,
        result=PLANTED,
    )
    generation.events.create(seq=1, data={"text": PLANTED})
    conversation = turn.conversation
    ToolApproval.objects.create(conversation=conversation, person=ada, name="x", definition_hash="y")
    comparison = Comparison.objects.create(question=turn.question, made_by=ada, chosen=answer)
    Message.objects.filter(pk=answer.pk).update(comparison=comparison)
    Message.objects.filter(pk=turn.question.pk).update(shown_leaf=answer)
    Summary.objects.create(up_to=part.message, text=PLANTED, model_name="m")
    draft = Draft.objects.create(owner=ada, conversation=conversation, text=PLANTED)
    waiting = WaitingQuestion.objects.create(
        conversation=conversation,
        author=ada,
        send_id=uuid.uuid4(),
        text=PLANTED,
        model_name="",
        position=0,
        after=answer,
    )
    PendingSend.objects.create(
        author=ada, send_id=uuid.uuid4(), conversation=conversation, form={"x": PLANTED}
    )
    for holder in ({"message": turn.question}, {"draft": draft}, {"waiting": waiting}):
        Attachment.objects.create(owner=ada, source_url="https://example.com/a.png", name=PLANTED, **holder)
    call = calls.begin(
        purpose=Purpose.ANSWER, key=conversation.model.keys.get(), generation=generation, person=ada
    )
    calls.end(call, status=200)
    return conversation


@pytest.mark.django_db
def test_nothing_of_a_conversation_is_left_but_its_calls(ada):
    conversation = full_conversation(ada)

    assert erasing.erase(conversation)

    for table in (
        Conversation,
        Message,
        Part,
        ToolCall,
        ToolApproval,
        Generation,
        Send,
        Draft,
        WaitingQuestion,
        PendingSend,
        Attachment,
        Summary,
        Comparison,
    ):
        assert not table.objects.exists(), table
    call = Call.objects.get()
    assert call.generation is None
    assert call.person == ada
    connection.check_constraints()


@pytest.mark.django_db
def test_another_conversation_keeps_all_of_its_own(ada):
    gone, kept = full_conversation(ada), full_conversation(ada)
    before = {table: table.objects.count() for table in (Message, Part, Attachment, Send, Draft)}

    erasing.erase(gone)

    for table, number in before.items():
        assert table.objects.count() * 2 == number
    assert Conversation.objects.get() == kept
    assert kept.messages.exclude(shown_leaf=None).exists()


@pytest.mark.django_db
def test_a_fork_outlives_what_it_was_forked_from(ada):
    conversation = full_conversation(ada)
    answer = conversation.messages.get(role="assistant")
    fork = forking.fork(answer, author=ada, send_id=uuid.uuid4())

    erasing.erase(conversation)

    fork.refresh_from_db()
    assert fork.forked_from is None
    assert Part.objects.filter(message__conversation=fork, text=PLANTED).exists()


@pytest.mark.django_db
def test_bytes_go_with_their_last_conversation_and_not_before(ada, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    first, second = factories.ask(ada), factories.ask(ada, "Another")
    for turn in (first, second):
        attachment = files.store_picture(ada, upload=BytesIO(picture()), name="cat.png")
        Attachment.objects.filter(pk=attachment.pk).update(message=turn.question)
        ended(turn)

    erasing.erase(first.conversation)
    assert StoredFile.objects.count() == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()]

    erasing.erase(second.conversation)
    assert not StoredFile.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.django_db
def test_an_answer_that_is_being_made_is_stopped_first(ada):
    turn = factories.ask(ada)
    now = timezone.now()
    Generation.objects.filter(message=turn.answer).update(
        state=GenerationState.RUNNING, lease_owner=uuid.uuid4(), lease_until=now + timedelta(minutes=1)
    )

    assert not erasing.erase(turn.conversation)

    assert factories.generation_of(turn).stop_requested_at
    assert Conversation.objects.exists()


@pytest.mark.django_db
def test_only_what_has_ended_is_erased(ada):
    now = timezone.now()
    times = (None, now + timedelta(minutes=1), now - timedelta(minutes=1))
    for expires_at in times:
        turn = factories.ask(ada)
        ended(turn)
        Conversation.objects.filter(pk=turn.conversation.pk).update(expires_at=expires_at)

    assert erasing.erase_expired(now) == 1

    assert set(Conversation.objects.values_list("expires_at", flat=True)) == {
        None,
        now + timedelta(minutes=1),
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="It reads the file of SQLite")
def test_the_command_leaves_no_trace_in_the_database_file(ada):
    conversation = full_conversation(ada)
    path = Path(connection.settings_dict["NAME"])
    connection.close()
    assert _holds(path)

    Conversation.objects.filter(pk=conversation.pk).update(expires_at=timezone.now())
    call_command("erase_expired")

    connection.close()
    assert not _holds(path)
    assert Call.objects.exists()


def _holds(path: Path) -> bool:
    found = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
    assert found
    return any(PLANTED.encode() in file.read_bytes() for file in found)


@pytest.mark.django_db
def test_two_erasers_at_once_do_it_once(ada):
    conversation = full_conversation(ada)
    again = Conversation.objects.get(pk=conversation.pk)

    assert erasing.erase(conversation)
    assert not erasing.erase(again)
