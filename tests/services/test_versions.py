"""Versions: made again, in other words, walked, put away and brought back. Nothing is overwritten."""

from __future__ import annotations

import uuid

import pytest
from django.http import Http404

from conversations.generation import requests
from conversations.models import (
    Attachment,
    Conversation,
    Generation,
    GenerationState,
    Message,
    Part,
    Role,
    Send,
    SendKind,
    User,
)
from conversations.services import accepting, access, files, pruning, searching, sending, turns, versions
from conversations.services.errors import Refused
from tests import factories


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)
    factories.model("claude")


def asked(
    ada: User, text: str = "What is a monad?", conversation: Conversation | None = None
) -> accepting.Turn:
    turn = factories.ask(ada, text, conversation=conversation)
    turn.answer.parts.create(position=0, kind="text", text=f"Answer to {text}")
    factories.end(turn)
    return turn


def again(turn: accepting.Turn, ada: User, **given: object) -> accepting.Turn:
    fields = {"author": ada, "send_id": uuid.uuid4(), "kind": SendKind.REGENERATE} | given
    return sending.answer_again(turn.answer, **fields)


def edit(
    turn: accepting.Turn, ada: User, text: str = "What is a functor?", **given: object
) -> accepting.Turn:
    fields = {"author": ada, "send_id": uuid.uuid4(), "text": text} | given
    return versions.edit_question(turn.question, **fields)


def shown_texts(conversation: Conversation, ada: User) -> list[str]:
    conversation = Conversation.objects.get(pk=conversation.pk)
    return [message.text for message in turns.branch_of(conversation, viewer=ada).messages]


# --- Regenerate ---------------------------------------------------------------------------------------------


def test_a_hint_goes_to_the_model_with_the_question_and_is_no_message(ada: User) -> None:
    turn = asked(ada)

    made = again(turn, ada, hint="shorter", model_name="claude")

    generation = factories.generation_of(made)
    assert (generation.model_name, generation.parameters) == ("claude", {"hint": "shorter"})
    request = requests.request_for(generation, model=generation.model)
    assert [part.text for part in request.messages[-1].parts] == [
        "What is a monad?",
        "Answer in far fewer words than you usually would.",
    ]
    assert made.conversation.messages.count() == 3
    assert turns.shown([made.answer], viewer=ada)[0].hint == "Shorter"


def test_the_same_regenerate_five_times_is_one_version_and_with_another_hint_it_is_refused(ada: User) -> None:
    turn, send_id = asked(ada), uuid.uuid4()

    made = {again(turn, ada, send_id=send_id, hint="simpler").answer for _ in range(5)}

    assert len(made) == 1
    with pytest.raises(accepting.SendIdReused):
        again(turn, ada, send_id=send_id, hint="longer")


# --- Edit ---------------------------------------------------------------------------------------------------


def test_an_edited_question_stands_beside_the_first_with_an_answer_of_its_own(ada: User) -> None:
    first = asked(ada)
    second = asked(ada, "And a comonad?", first.conversation)

    edited = edit(second, ada)

    assert edited.question.parent == first.answer
    assert edited.question.parts.get().text == "What is a functor?"
    assert factories.generation_of(edited).state == GenerationState.QUEUED
    assert second.question.parts.get().text == "And a comonad?"
    assert Send.objects.get(kind=SendKind.EDIT).message == edited.question
    edited.conversation.refresh_from_db()
    assert edited.conversation.current_leaf == edited.answer


def test_an_edited_first_question_is_a_second_root(ada: User) -> None:
    turn = asked(ada)

    edited = edit(turn, ada)

    assert (edited.question.parent, edited.question.depth) == (None, 0)
    assert [m.versions for m in turns.branch_of(edited.conversation, viewer=ada).messages] == [2, 1]


def test_the_same_edit_five_times_is_one_question(ada: User) -> None:
    turn, send_id = asked(ada), uuid.uuid4()

    made = {edit(turn, ada, send_id=send_id).question for _ in range(5)}

    assert len(made) == 1
    assert Message.objects.filter(role=Role.USER).count() == 2


def test_an_edited_question_shares_the_files_that_it_keeps(ada: User) -> None:
    pictures = [files.store_address(ada, f"https://example.com/{name}.png") for name in "ab"]
    turn = sending.send_message(
        None,
        author=ada,
        send_id=uuid.uuid4(),
        text="What are these?",
        model_name="",
        attachment_ids=tuple(picture.public_id for picture in pictures),
    )
    factories.end(turn)

    edited = edit(turn, ada, keep=(pictures[1].public_id,))

    kept = edited.question.attachments.get()
    assert kept.source_url == "https://example.com/b.png"
    assert kept.public_id != pictures[1].public_id
    assert turn.question.attachments.count() == 2


def test_an_edit_takes_no_picture_from_anywhere_else(ada: User, bob: User) -> None:
    turn = asked(ada)
    foreign = Attachment.objects.create(owner=bob, source_url="https://example.com/secret.png")

    with pytest.raises(Refused, match="no longer there"):
        edit(turn, ada, keep=(foreign.public_id,))

    assert Message.objects.filter(role=Role.USER).count() == 1


def test_an_empty_edit_is_refused_and_changes_nothing(ada: User) -> None:
    turn = asked(ada)

    with pytest.raises(Refused, match="Write a message"):
        edit(turn, ada, " \n")

    assert Message.objects.count() == 2
    assert Send.objects.count() == 1


def test_edit_and_regenerate_work_while_another_answer_runs(ada: User) -> None:
    first = asked(ada)
    running = factories.ask(ada, "Go on", conversation=first.conversation)
    factories.ask(ada, "Somewhere else")

    made, edited = again(first, ada), edit(first, ada)

    unfinished = {generation.message for generation in Generation.objects.unfinished()}
    assert {running.answer, made.answer, edited.answer} <= unfinished
    with pytest.raises(accepting.AlreadyAnswering):
        again(running, ada)


# --- The pager ----------------------------------------------------------------------------------------------


def test_returning_to_a_version_leads_back_to_where_one_was(ada: User) -> None:
    first = asked(ada)
    deep = asked(ada, "Deeper", first.conversation)
    other = edit(deep, ada, "Deeper, otherwise")
    factories.end(other)
    versions.show(deep.question)
    made = again(first, ada)
    factories.end(made)

    conversation = versions.show(first.answer)

    # The newest end below it is the other question's answer; one was at the first one's.
    assert conversation.current_leaf == deep.answer
    assert versions.show(made.answer).current_leaf == made.answer
    assert versions.show(first.answer).current_leaf == deep.answer


def test_what_was_written_on_below_the_remembered_place_is_shown(ada: User) -> None:
    first = asked(ada)
    made = again(first, ada)
    factories.end(made)
    child = sending.tree.append(first.conversation, role=Role.USER, author=ada, parent=first.answer)

    assert versions.show(first.answer).current_leaf == child


# --- Deleting and bringing back -----------------------------------------------------------------------------


def test_a_deleted_branch_is_found_nowhere_and_its_nearest_version_is_shown(ada: User) -> None:
    first = asked(ada, "Alpha")
    edited = edit(first, ada, "Beta xylophone")
    edited.answer.parts.create(position=0, kind="text", text="Answer to beta")
    factories.end(edited)
    picture = Attachment.objects.create(
        owner=ada, source_url="https://example.com/x.png", message=edited.question
    )

    pruning.delete_branch(edited.question)

    assert shown_texts(first.conversation, ada) == ["Alpha", "Answer to Alpha"]
    assert searching.hits(ada, query="xylophone") == ([], False)
    for message in (edited.question, edited.answer):
        with pytest.raises(Http404):
            access.message_for(ada, message.public_id)
    with pytest.raises(Http404):
        access.attachment_for(ada, picture.public_id)
    branch = turns.branch_of(Conversation.objects.get(), viewer=ada)
    assert [message.versions for message in branch.messages] == [1, 1]
    with pytest.raises(Refused, match="deleted"):
        versions.show(edited.question)
    with pytest.raises(Refused, match="deleted"):
        again(edited, ada)


def test_the_only_version_leads_up_and_the_only_root_to_an_empty_conversation(ada: User) -> None:
    first = asked(ada, "Alpha")
    second = asked(ada, "Beta", first.conversation)

    pruning.delete_branch(second.question)
    assert shown_texts(first.conversation, ada) == ["Alpha", "Answer to Alpha"]

    deletion = pruning.delete_branch(first.question)
    assert shown_texts(first.conversation, ada) == []
    pruning.restore(first.conversation, deletion)
    assert shown_texts(first.conversation, ada) == ["Alpha", "Answer to Alpha"]


def test_a_branch_that_is_not_shown_is_deleted_without_a_jump(ada: User) -> None:
    first = asked(ada)
    made = again(first, ada)

    pruning.delete_branch(first.answer)

    assert Conversation.objects.get().current_leaf == made.answer


def test_what_is_written_in_a_deleted_branch_is_stopped(ada: User) -> None:
    first = asked(ada)
    running = factories.ask(ada, "Go on", conversation=first.conversation)

    pruning.delete_branch(first.answer)

    assert factories.generation_of(running).state == GenerationState.STOPPED


def test_a_deleted_branch_comes_back_as_it_was_and_a_second_time_is_refused_in_words(ada: User) -> None:
    first = asked(ada, "Alpha")
    asked(ada, "Beta", first.conversation)
    edited = edit(first, ada, "Gamma")
    factories.end(edited)
    versions.show(first.question)
    before = shown_texts(first.conversation, ada)

    deletion = pruning.delete_branch(first.question)
    [listed] = pruning.deletions(first.conversation)
    pruning.restore(first.conversation, deletion)

    assert (listed.id, listed.words, listed.count) == (deletion, "Alpha", 4)
    assert shown_texts(first.conversation, ada) == before
    assert pruning.deletions(first.conversation) == []
    with pytest.raises(Refused, match="there already"):
        pruning.restore(first.conversation, deletion)


def test_a_branch_of_a_deleted_branch_waits_for_that_one(ada: User) -> None:
    first = asked(ada, "Alpha")
    second = asked(ada, "Beta", first.conversation)
    inner, outer = pruning.delete_branch(second.question), pruning.delete_branch(first.question)

    assert [(row.id, row.is_blocked) for row in pruning.deletions(first.conversation)] == [
        (outer, False),
        (inner, True),
    ]
    with pytest.raises(Refused, match="Bring that back first"):
        pruning.restore(first.conversation, inner)

    pruning.restore(first.conversation, outer)
    assert shown_texts(first.conversation, ada) == ["Alpha", "Answer to Alpha"]
    pruning.restore(first.conversation, inner)
    assert len(shown_texts(first.conversation, ada)) == 4


def test_a_deletion_of_another_conversation_brings_nothing_back(ada: User) -> None:
    mine, other = asked(ada, "Alpha"), asked(ada, "Beta")
    deletion = pruning.delete_branch(other.question)

    with pytest.raises(Refused):
        pruning.restore(mine.conversation, deletion)

    assert Message.objects.exclude(deleted_at=None).count() == 2


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_of_deleted_branches_costs_the_same_whatever_its_length(
    ada: User, count: int, django_assert_num_queries: object
) -> None:
    first = asked(ada)
    for _ in range(count):
        made = again(first, ada)
        Part.objects.create(message=made.answer, position=0, kind="text", text="Words")
        factories.end(made)
        pruning.delete_branch(made.answer)

    with django_assert_num_queries(3):
        assert len(pruning.deletions(first.conversation)) == count
