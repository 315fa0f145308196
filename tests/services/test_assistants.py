"""Assistants at work: conversations that begin with one, answers that are asked of one, once."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group

from conversations.generation import requests
from conversations.models import (
    Assistant,
    Conversation,
    GenerationState,
    Model,
    SendKind,
    User,
    WaitingQuestion,
)
from conversations.services import (
    assistants,
    drafts,
    library,
    lines,
    organising,
    pending_sends,
    rearranging,
    sending,
    turns,
)
from conversations.services.accepting import Turn
from tests import factories


@pytest.fixture
def gpt(db: None) -> Model:
    return factories.model("gpt-4o", is_default=True)


@pytest.fixture
def claude(gpt: Model) -> Model:
    return factories.model("claude")


@pytest.fixture
def helper(ada: User, claude: Model) -> Assistant:
    return factories.assistant(
        ada, model=claude, tools=["current_time"], instructions="Be brief.", is_for_everybody=True
    )


def send(author: User, conversation: Conversation | None = None, **fields: object) -> Turn:
    words = {"text": "Hello", "model_name": ""} | fields
    return sending.send_message(conversation, author=author, send_id=uuid.uuid4(), **words)


def asked(turn: Turn) -> tuple[str, str, list[str]]:
    """The model, what it is told first, and the tools of what goes to the gateway."""
    generation = factories.generation_of(turn)
    request = requests.request_for(generation, model=generation.model)
    system = [part.text for m in request.messages if m.role == "system" for part in m.parts]
    return request.model, "".join(system), [tool.name for tool in request.tools]


def key(assistant: Assistant) -> str:
    return f"assistant:{assistant.public_id}"


# --- Beginning -----------------------------------------------------------------------------------------


def test_a_conversation_begins_with_what_the_assistant_says_then(
    ada: User, bob: User, helper: Assistant
) -> None:
    turn = send(bob, assistant_id=helper.public_id)

    assert asked(turn) == ("claude", "Be brief.", ["current_time"])
    assert turn.conversation.assistant == helper
    [_, answer] = turns.branch_of(turn.conversation, viewer=bob).messages
    assert (answer.assistant, answer.asked_once) == ("Reviewer", "")


def test_later_changes_and_the_end_of_sharing_change_nothing_that_was_begun(
    bob: User, helper: Assistant
) -> None:
    turn = send(bob, assistant_id=helper.public_id)
    factories.end(turn)
    helper.instructions, helper.name, helper.is_for_everybody = "Secret plan", "Other", False
    library.store(helper, groups=())

    after = send(bob, turn.conversation)

    assert asked(after)[1] == "Be brief."
    assert "Secret" not in str(after.conversation.parameters)
    assert after.conversation.parameters["assistant"] == "Reviewer"
    library.delete(helper)
    factories.end(after)
    assert asked(send(bob, turn.conversation))[1] == "Be brief."


def test_ones_own_system_prompt_comes_after_the_instructions_and_settings_keep_both(
    bob: User, helper: Assistant
) -> None:
    turn = send(bob, assistant_id=helper.public_id)
    factories.end(turn)

    organising.change_settings(
        turn.conversation,
        model_name="",
        system="Speak French.",
        temperature=None,
        max_tokens=None,
        reasoning_effort="",
    )

    turn.conversation.refresh_from_db()
    assert asked(send(bob, turn.conversation))[1:] == ("Be brief.\n\nSpeak French.", ["current_time"])


def test_a_model_that_one_may_not_use_gives_way_to_the_usual_one(
    bob: User, helper: Assistant, claude: Model
) -> None:
    claude.groups.add(Group.objects.create(name="Others"))

    opening = assistants.opening_of(helper, bob)

    assert opening.model is None
    assert opening.notice == "It was made for claude, which is not offered to you: your usual model answers."
    assert asked(send(bob, assistant_id=helper.public_id))[0] == "gpt-4o"


def test_what_is_chosen_at_the_composer_goes_before_what_the_assistant_is_preset_to(
    bob: User, helper: Assistant
) -> None:
    turn = send(bob, assistant_id=helper.public_id, model_name="gpt-4o", tools=[])

    assert asked(turn) == ("gpt-4o", "Be brief.", [])


@pytest.mark.parametrize("which", ["foreign", "made up", "deleted"])
def test_an_assistant_that_one_may_not_use_begins_nothing(
    ada: User, bob: User, gpt: Model, which: str
) -> None:
    foreign = factories.assistant(ada)
    deleted = factories.assistant(bob, "Gone")
    library.delete(deleted)
    public_id = {"foreign": foreign.public_id, "made up": uuid.uuid4(), "deleted": deleted.public_id}[which]

    for fields in ({"assistant_id": public_id}, {"ask_once": f"assistant:{public_id}"}):
        with pytest.raises(assistants.Gone):
            send(bob, **fields)

    assert not Conversation.objects.exists()


def test_the_same_send_is_the_same_turn_also_when_the_assistant_is_gone(bob: User, helper: Assistant) -> None:
    send_id = uuid.uuid4()
    first = send_of = None
    for _ in range(2):
        send_of = sending.send_message(
            None, author=bob, send_id=send_id, text="Hi", model_name="", assistant_id=helper.public_id
        )
        first = first or send_of
        library.delete(helper)

    assert send_of.answer == first.answer


# --- Asking once ---------------------------------------------------------------------------------------


def test_an_assistant_that_is_asked_once_answers_once_and_the_conversation_stays_as_it_is(
    bob: User, helper: Assistant
) -> None:
    first = send(bob, tools=["math_calculator"])
    factories.end(first)
    before = first.conversation.parameters

    once = send(bob, first.conversation, ask_once=key(helper))

    assert asked(once) == ("claude", "Be brief.", ["current_time"])
    once.conversation.refresh_from_db()
    assert (once.conversation.model.name, once.conversation.parameters) == ("gpt-4o", before)
    assert once.conversation.assistant is None
    answer = turns.branch_of(once.conversation, viewer=bob).messages[-1]
    assert (answer.author_name, answer.asked_once) == ("claude", "Reviewer")
    factories.end(once)
    assert asked(send(bob, first.conversation)) == ("gpt-4o", "", ["math_calculator"])


def test_in_a_conversation_with_an_assistant_the_other_one_speaks_instead_of_it(
    bob: User, helper: Assistant
) -> None:
    other = factories.assistant(bob, "Poet", instructions="Rhyme.")
    first = send(bob, assistant_id=helper.public_id)
    factories.end(first)

    once = send(bob, first.conversation, ask_once=key(other))

    # It names no model: the conversation's own answers, without the first one's tools.
    assert asked(once) == ("claude", "Rhyme.", [])


def test_a_model_that_is_asked_once_gets_what_the_conversation_says(bob: User, helper: Assistant) -> None:
    first = send(bob, assistant_id=helper.public_id)
    factories.end(first)

    once = send(bob, first.conversation, ask_once="model:gpt-4o")

    assert asked(once) == ("gpt-4o", "Be brief.", ["current_time"])
    once.conversation.refresh_from_db()
    assert once.conversation.model.name == "claude"
    assert turns.branch_of(once.conversation, viewer=bob).messages[-1].asked_once == "gpt-4o"


@pytest.mark.parametrize("key", ["model:claude", "model:", "assistant:x", "tool:current_time", "gpt-4o", ":"])
def test_what_is_not_offered_cannot_be_asked(bob: User, claude: Model, key: str) -> None:
    claude.groups.add(Group.objects.create(name="Others"))

    with pytest.raises(assistants.Gone):
        send(bob, ask_once=key)


def test_another_version_is_the_assistants_again_and_a_model_is_chosen_anew(
    bob: User, helper: Assistant
) -> None:
    by_helper = send(bob, ask_once=key(helper))
    factories.end(by_helper)
    library.delete(helper)

    again = sending.answer_again(by_helper.answer, author=bob, send_id=uuid.uuid4(), kind=SendKind.REGENERATE)

    assert asked(again) == ("claude", "Be brief.", ["current_time"])
    factories.end(again)
    by_model = send(bob, again.conversation, ask_once="model:claude")
    factories.end(by_model)
    other = sending.answer_again(
        by_model.answer, author=bob, send_id=uuid.uuid4(), kind=SendKind.REGENERATE, model_name="gpt-4o"
    )
    assert asked(other)[0] == "gpt-4o"
    assert turns.branch_of(other.conversation, viewer=bob).messages[-1].asked_once == ""


def test_tools_of_an_assistant_are_those_that_the_asking_person_may_use(
    ada: User, bob: User, gpt: Model
) -> None:
    mighty = factories.assistant(ada, tools=["current_time", "no_such_tool"], is_for_everybody=True)

    assert asked(send(bob, ask_once=key(mighty)))[2] == ["current_time"]
    assert asked(send(bob, assistant_id=mighty.public_id))[2] == ["current_time"]


# --- In line, in drafts, without a sign-in -----------------------------------------------------------------


def wait(author: User, conversation: Conversation, **fields: object) -> WaitingQuestion:
    waiting = lines.send(
        conversation, author=author, send_id=uuid.uuid4(), text="And?", model_name="", **fields
    )
    assert isinstance(waiting, WaitingQuestion)
    return waiting


def test_a_question_in_line_keeps_whom_it_asks(bob: User, helper: Assistant) -> None:
    first = send(bob)
    waiting = wait(bob, first.conversation, ask_once=key(helper))
    assert waiting.ask_once["name"] == "Reviewer"
    rearranging.change(waiting, text="And now?", model_name="")
    factories.end(first)

    turn = lines.send_next(first.conversation.pk)

    assert asked(turn) == ("claude", "Be brief.", ["current_time"])


def test_a_line_stands_where_the_assistant_is_gone_and_an_edit_asks_without_it(
    bob: User, helper: Assistant
) -> None:
    first = send(bob)
    waiting = wait(bob, first.conversation, ask_once=key(helper))
    library.delete(helper)
    factories.end(first)

    assert lines.send_next(first.conversation.pk) is None

    waiting.refresh_from_db()
    assert "Ask without it" in waiting.problem
    rearranging.change(waiting, text="And now?", model_name="")
    assert asked(lines.send_next(first.conversation.pk))[:2] == ("gpt-4o", "")


def test_nothing_goes_in_line_for_somebody_who_may_not_be_asked(bob: User, gpt: Model) -> None:
    first = send(bob)

    with pytest.raises(assistants.Gone):
        wait(bob, first.conversation, ask_once=f"assistant:{uuid.uuid4()}")

    assert not WaitingQuestion.objects.exists()


def test_a_draft_keeps_whom_it_asks_until_it_is_sent(bob: User, helper: Assistant) -> None:
    drafts.save(bob, None, text="Hello", ask_once=key(helper))
    assert drafts.of(bob, None).ask_once == key(helper)

    lines.send(None, author=bob, send_id=uuid.uuid4(), text="Hel", model_name="", ask_once=key(helper))

    rest = drafts.of(bob, None)
    assert (rest.text, rest.ask_once) == ("lo", "")


def test_a_send_without_a_sign_in_keeps_its_assistant(bob: User, helper: Assistant) -> None:
    other = factories.assistant(bob, "Poet", instructions="Rhyme.")
    pending_sends.keep(
        bob,
        conversation_id=None,
        send_id=uuid.uuid4(),
        text="Hello",
        model_name="",
        attachment_ids=(),
        tools=None,
        assistant_id=helper.public_id,
        ask_once=key(other),
    )

    conversation = pending_sends.carry_out(bob).conversation

    assert conversation.parameters["instructions"] == "Be brief."
    generation = conversation.current_leaf.generations.get()
    assert generation.parameters["instructions"] == "Rhyme."
    assert generation.state == GenerationState.QUEUED


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_of_whom_to_ask_takes_the_same_queries_however_long(
    ada: User, bob: User, claude: Model, count: int, django_assert_num_queries: object
) -> None:
    for number in range(count):
        factories.assistant(ada, f"Helper {number}", model=claude, is_for_everybody=True)

    with django_assert_num_queries(2):
        found, has_more = assistants.mentionable(bob)

    assert len(found) == count + 2
    assert not has_more
    assert {once.owner_name for once in found[:count]} == {"ada"}
    assert [once.name for once in assistants.mentionable(bob, "CLAU")[0]] == ["claude"]


def test_a_name_with_a_word_that_begins_so_comes_first(bob: User) -> None:
    for name in ("a-401-upstream", "b-stream"):
        factories.model(name)

    assert [once.name for once in assistants.mentionable(bob, "stream")[0]] == ["b-stream", "a-401-upstream"]
