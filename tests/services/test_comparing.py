"""One question to several models: asked, chosen, gone on with; each answer on its own."""

from __future__ import annotations

import uuid

import pytest
from django.http import Http404

from conversations.models import (
    Comparison,
    Conversation,
    Draft,
    Generation,
    GenerationState,
    Message,
    Model,
    Send,
    SendKind,
    User,
)
from conversations.services import (
    accepting,
    access,
    comparing,
    drafts,
    forking,
    lines,
    pruning,
    sending,
    turns,
    versions,
)
from conversations.services.errors import Refused
from tests import factories
from tests.services import pictures

NAMES = ("gpt-4o", "claude", "gemini", "qwen", "llama")


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    for name in NAMES:
        factories.model(name, is_default=name == "gpt-4o")


def compare(
    ada: User, *names: str, conversation: Conversation | None = None, **given: object
) -> accepting.Turn:
    fields = {"send_id": uuid.uuid4(), "text": "What is a monad?"} | given
    names = names or ("gpt-4o", "claude")
    return comparing.ask_all(conversation, author=ada, model_names=names, **fields)


def compare_with(answer: Message, ada: User, *names: str, **given: object) -> accepting.Turn:
    fields = {"send_id": uuid.uuid4()} | given
    return comparing.compare_with(answer, author=ada, model_names=names, **fields)


def asked(ada: User, **given: object) -> accepting.Turn:
    turn = factories.ask(ada, **given)
    turn.answer.parts.create(position=0, kind="text", text="A monoid.")
    factories.end(turn)
    return turn


def end_all(conversation: Conversation, state: GenerationState = GenerationState.SUCCEEDED) -> None:
    for made in Generation.objects.unfinished().filter(message__conversation=conversation):
        factories.end(accepting.Turn(conversation, made.message, made.message, True, made), state)


def fresh(conversation: Conversation) -> Conversation:
    return Conversation.objects.get(pk=conversation.pk)


def columns(conversation: Conversation, ada: User) -> list[str]:
    comparison = turns.branch_of(fresh(conversation), viewer=ada).comparison
    return [column.author_name for column in comparison.columns] if comparison else []


def answers(comparison: Comparison) -> dict[str, Message]:
    return {
        made.model_name: made.message
        for made in Generation.objects.filter(message__comparison=comparison).select_related("message")
    }


# --- Asking -----------------------------------------------------------------------------------------------


def test_one_question_gets_an_answer_of_each_model_as_versions_of_each_other(ada: User) -> None:
    turn = compare(ada, "gpt-4o", "claude", "gemini")

    comparison = Comparison.objects.get()
    assert (comparison.question, comparison.made_by, comparison.chosen) == (turn.question, ada, None)
    queued = Generation.objects.filter(state=GenerationState.QUEUED).order_by("id")
    assert [made.model_name for made in queued] == ["gpt-4o", "claude", "gemini"]
    assert {made.message.parent for made in queued} == {turn.question}
    assert {made.message.comparison for made in queued} == {comparison}
    assert turn.conversation.model.name == "gpt-4o"
    assert fresh(turn.conversation).current_leaf == turn.answer
    assert columns(turn.conversation, ada) == ["claude", "gemini", "gpt-4o"]


def test_the_same_comparison_five_times_is_one_and_another_with_its_id_is_refused(ada: User) -> None:
    send_id = uuid.uuid4()

    made = [compare(ada, send_id=send_id) for _ in range(5)]

    assert len({turn.answer.pk for turn in made}) == 1
    assert [turn.is_new for turn in made] == [True, False, False, False, False]
    assert (Generation.objects.count(), Send.objects.get().kind) == (2, SendKind.COMPARE)
    with pytest.raises(accepting.SendIdReused):
        compare(ada, "gpt-4o", "gemini", send_id=send_id)
    with pytest.raises(accepting.SendIdReused):
        lines.send(None, author=ada, send_id=send_id, text="What is a monad?", model_name="gpt-4o")


def test_a_question_in_line_lends_its_send_id_to_no_comparison(ada: User) -> None:
    turn = factories.ask(ada)
    waiting = factories.in_line(ada, turn.conversation)
    factories.end(turn)

    with pytest.raises(accepting.SendIdReused):
        compare(ada, conversation=turn.conversation, send_id=waiting.send_id)


@pytest.mark.parametrize("names", [("gpt-4o",), ("gpt-4o", "gpt-4o"), ("gpt-4o", ""), NAMES])
def test_fewer_than_two_models_or_more_than_four_are_refused(ada: User, names: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="two, three or four"):
        compare(ada, *names)
    assert not Message.objects.exists()


def test_a_model_that_is_not_offered_refuses_all_of_it(ada: User) -> None:
    Model.objects.filter(name="claude").update(is_enabled=False)

    with pytest.raises(Refused, match="claude is not offered"):
        compare(ada)
    assert not Send.objects.exists()


def test_all_answers_count_for_the_full_queue(ada: User, settings: pytest.FixtureRequest) -> None:
    settings.ENGINE_QUEUE_PER_PERSON = 3
    factories.ask(ada)

    with pytest.raises(accepting.TooManyAnswers):
        compare(ada, "gpt-4o", "claude", "gemini")
    assert Generation.objects.count() == 1
    compare(ada)


def test_while_an_answer_is_written_there_nothing_is_compared_and_elsewhere_it_is(ada: User) -> None:
    running = factories.ask(ada)

    with pytest.raises(accepting.AlreadyAnswering):
        compare(ada, conversation=running.conversation)
    assert compare(ada).is_new


def test_what_was_compared_leaves_the_draft_and_its_pictures_go_with_the_question(ada: User) -> None:
    picture = pictures.store(ada)
    turn = asked(ada)
    drafts.save(
        ada, turn.conversation, text="What is a monad? And", attachment_ids=[picture.public_id], known=None
    )

    made = compare(ada, conversation=turn.conversation, attachment_ids=(picture.public_id,))

    assert Draft.objects.get().text == "And"
    assert [kept.public_id for kept in made.question.attachments.all()] == [picture.public_id]


# --- Compare with -----------------------------------------------------------------------------------------


def test_other_models_join_an_answer_that_is_there(ada: User) -> None:
    turn = asked(ada)

    made = compare_with(turn.answer, ada, "claude", "gpt-4o", "gemini")

    assert made.question == turn.question
    assert columns(turn.conversation, ada) == ["claude", "gemini", "gpt-4o"]
    assert Generation.objects.count() == 3  # gpt-4o has answered already
    assert Comparison.objects.get().answers.count() == 3


def test_the_same_request_again_asks_nobody_twice(ada: User) -> None:
    turn, send_id = asked(ada), uuid.uuid4()

    made = [compare_with(turn.answer, ada, "claude", send_id=send_id) for _ in range(3)]

    assert len({again.answer.pk for again in made}) == 1
    with pytest.raises(accepting.SendIdReused):
        compare_with(turn.answer, ada, "gemini", send_id=send_id)


def test_they_join_what_is_still_open_up_to_four(ada: User) -> None:
    turn = compare(ada)
    with pytest.raises(accepting.AlreadyAnswering):
        compare_with(turn.answer, ada, "gemini")
    end_all(turn.conversation)

    compare_with(turn.answer, ada, "gemini")

    end_all(turn.conversation)
    assert columns(turn.conversation, ada) == ["claude", "gemini", "gpt-4o"]
    with pytest.raises(Refused, match="At most 4"):
        compare_with(turn.answer, ada, "qwen", "llama")
    with pytest.raises(Refused, match="another model"):
        compare_with(turn.answer, ada, "claude")


def test_after_a_choice_another_comparison_begins_and_the_choice_is_kept(ada: User) -> None:
    turn = compare(ada)
    end_all(turn.conversation)
    comparing.choose(turn.answer)
    first = Comparison.objects.get()

    compare_with(turn.answer, ada, "gemini")

    first.refresh_from_db()
    assert first.chosen == turn.answer
    assert columns(turn.conversation, ada) == ["gemini", "gpt-4o"]
    kept = turns.side_by_side(first, viewer=ada).comparison
    assert [column.author_name for column in kept.columns] == ["claude", "gpt-4o"]


# --- Choosing ---------------------------------------------------------------------------------------------


def test_the_chosen_one_is_gone_on_with_by_its_model_and_the_others_stay_as_versions(ada: User) -> None:
    turn = compare(ada, "gpt-4o", "claude", "gemini")
    comparison = Comparison.objects.get()
    end_all(turn.conversation)
    claude = answers(comparison)["claude"]

    comparing.choose(claude)

    comparison.refresh_from_db()
    assert (comparison.chosen, comparison.chosen_at is None) == (claude, False)
    conversation = fresh(turn.conversation)
    assert (conversation.current_leaf, conversation.model.name) == (claude, "claude")
    shown = turns.branch_of(conversation, viewer=ada)
    assert shown.comparison is None
    assert (shown.messages[-1].version, shown.messages[-1].versions) == (2, 3)


def test_the_last_choice_counts_and_leads_back_to_where_one_was(ada: User) -> None:
    turn = compare(ada)
    comparison = Comparison.objects.get()
    end_all(turn.conversation)
    comparing.choose(turn.answer)
    further = factories.ask(ada, "Go on.", conversation=fresh(turn.conversation))
    factories.end(further)
    first = Comparison.objects.get()

    comparing.choose(answers(comparison)["claude"])
    assert Comparison.objects.get().chosen_at > first.chosen_at
    assert Comparison.objects.get().chosen == answers(comparison)["claude"]

    comparing.choose(turn.answer)
    assert fresh(turn.conversation).current_leaf == further.answer
    again = Comparison.objects.get()
    comparing.choose(turn.answer)
    assert Comparison.objects.get().chosen_at == again.chosen_at


def test_a_message_sent_before_a_choice_chooses_what_it_goes_on_with(ada: User) -> None:
    turn = compare(ada)
    end_all(turn.conversation)

    further = factories.ask(ada, "Go on.", conversation=fresh(turn.conversation))

    assert further.question.parent == turn.answer
    assert Comparison.objects.get().chosen == turn.answer
    assert columns(turn.conversation, ada) == []


def test_an_answer_that_was_compared_with_none_is_not_chosen(ada: User) -> None:
    with pytest.raises(Refused):
        comparing.choose(asked(ada).answer)


# --- Each on its own --------------------------------------------------------------------------------------


def test_each_answer_stops_and_fails_alone_and_all_are_stopped_at_once(ada: User) -> None:
    turn = compare(ada, "gpt-4o", "claude", "gemini")
    comparison = Comparison.objects.get()
    of = answers(comparison)
    sending.stop(of["claude"])
    Generation.objects.filter(message=of["gemini"]).update(
        state=GenerationState.RUNNING, lease_owner=uuid.uuid4(), lease_until=turn.question.created_at
    )

    states = {made.model_name: made.state for made in Generation.objects.all()}
    assert states == {"gpt-4o": "queued", "claude": "stopped", "gemini": "running"}

    comparing.stop(comparison)

    assert Generation.objects.get(model_name="gpt-4o").state == GenerationState.STOPPED
    assert Generation.objects.get(model_name="gemini").stop_requested_at is not None


def test_a_retry_takes_the_place_of_what_failed_and_that_stays_as_a_version(ada: User) -> None:
    turn = compare(ada)
    end_all(turn.conversation, GenerationState.FAILED)

    again = sending.answer_again(turn.answer, author=ada, send_id=uuid.uuid4(), kind=SendKind.RETRY)

    shown = turns.branch_of(fresh(turn.conversation), viewer=ada).comparison
    assert [column.id for column in shown.columns][-1] == str(again.answer.public_id)
    assert [column.state for column in shown.columns] == ["failed", "queued"]
    assert shown.columns[0].versions == 3
    end_all(turn.conversation)
    comparing.choose(again.answer)
    later = sending.answer_again(again.answer, author=ada, send_id=uuid.uuid4(), kind=SendKind.REGENERATE)
    later.answer.refresh_from_db()
    assert later.answer.comparison is None


def test_a_deleted_answer_leaves_the_others_and_a_last_one_stands_alone(ada: User) -> None:
    turn = compare(ada, "gpt-4o", "claude", "gemini")
    of = answers(Comparison.objects.get())
    end_all(turn.conversation)

    pruning.delete_branch(of["claude"])
    assert columns(turn.conversation, ada) == ["gemini", "gpt-4o"]
    pruning.delete_branch(of["gpt-4o"])

    shown = turns.branch_of(fresh(turn.conversation), viewer=ada)
    assert shown.comparison is None
    assert shown.messages[-1].author_name == "gemini"


def test_a_fork_takes_one_answer_and_no_comparison_along(ada: User) -> None:
    turn = compare(ada)
    end_all(turn.conversation)

    forked = forking.fork(turn.answer, author=ada, send_id=uuid.uuid4())

    assert columns(forked, ada) == []
    assert not forked.messages.exclude(comparison=None).exists()


def test_an_edited_question_leads_back_to_the_answers_side_by_side(ada: User) -> None:
    turn = compare(ada)
    end_all(turn.conversation)
    edited = versions.edit_question(turn.question, author=ada, send_id=uuid.uuid4(), text="And a functor?")
    assert columns(turn.conversation, ada) == []
    factories.end(edited)

    versions.show(turn.question)

    assert columns(turn.conversation, ada) == ["claude", "gpt-4o"]


# --- The line ---------------------------------------------------------------------------------------------


def test_a_question_sent_while_one_of_them_is_written_waits_for_the_choice(ada: User) -> None:
    turn = compare(ada)
    factories.end(turn)
    waiting = factories.in_line(ada, turn.conversation)

    assert "choose" in lines.of(turn.conversation).paused
    end_all(turn.conversation)
    assert lines.due() == []
    assert lines.send_next(turn.conversation.pk) is None

    claude = answers(Comparison.objects.get())["claude"]
    comparing.choose(claude)

    assert lines.of(turn.conversation).paused == ""
    assert lines.due() == [turn.conversation.pk]
    sent = lines.send_next(turn.conversation.pk)
    assert (sent.question.parent, sent.generation.send.send_id) == (claude, waiting.send_id)


def test_a_line_that_is_resumed_by_hand_chooses_what_is_next_up(ada: User) -> None:
    turn = compare(ada)
    factories.end(turn)
    factories.in_line(ada, turn.conversation)

    sent = lines.send_next(turn.conversation.pk, by_hand=True)

    assert sent.question.parent == turn.answer
    assert Comparison.objects.get().chosen == turn.answer


# --- Reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 4])
def test_reading_a_comparison_costs_the_same_however_many_answers(
    ada: User, count: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    conversation = fresh(compare(ada, *NAMES[:count]).conversation)
    comparison = access.comparison_for(ada, Comparison.objects.get().public_id)

    with django_assert_num_queries(7):
        branch = turns.branch_of(conversation, viewer=ada)
        assert len([column.blocks for column in branch.comparison.columns]) == count
    with django_assert_num_queries(7):
        turns.side_by_side(comparison, viewer=ada)


def test_the_cursor_knows_every_answer_that_grows(ada: User) -> None:
    conversation = fresh(compare(ada, *NAMES[:3]).conversation)

    cursor = turns.branch_of(conversation, viewer=ada).cursor

    expected = "-".join(f"{made.pk}.0" for made in Generation.objects.order_by("id"))
    assert cursor == f"r{conversation.revision}-{expected}"


def test_a_stranger_finds_no_comparison(ada: User, eve: User) -> None:
    compare(ada)
    made = Comparison.objects.get()

    assert access.comparison_for(ada, made.public_id) == made
    with pytest.raises(Http404):
        access.comparison_for(eve, made.public_id)
