"""From stored conversations to what goes over the wire."""

from __future__ import annotations

import base64
import io
import json
import uuid
from pathlib import Path

import pytest
import responses
from django.utils import timezone
from PIL import Image

from conversations.generation import requests
from conversations.generation.answering import Answering
from conversations.generation.writer import Writer
from conversations.models import Call, Conversation, Generation, GenerationState, Part, User
from conversations.services import accepting, files, sending
from tests import factories

EXAMPLES = Path(__file__).parent / "examples"
ADDRESS = "https://upload.wikimedia.org/wikipedia/commons/thumb/d/dd/Gfp-wisconsin-madison-the-nature-boardwalk.jpg/2560px-Gfp-wisconsin-madison-the-nature-boardwalk.jpg"
QUESTION = "What is in this picture? Please describe it in detail."


def example(name: str) -> dict:
    return json.loads((EXAMPLES / name).read_text())


def ask(author: User, conversation: Conversation, text: str, **given: object) -> accepting.Turn:
    return sending.send_message(
        conversation,
        author=author,
        send_id=uuid.uuid4(),
        text=text,
        model_name=given.pop("model_name", ""),
        **given,
    )


def answer(
    turn: accepting.Turn, text: str, *, state: str = GenerationState.SUCCEEDED, kind: str = "text"
) -> None:
    Generation.objects.filter(message=turn.answer).update(state=state, ended_at=timezone.now())
    if text:
        Part.objects.create(message=turn.answer, position=turn.answer.parts.count(), kind=kind, text=text)


def request_for(turn: accepting.Turn) -> requests.wire.ChatRequest:
    generation = factories.generation_of(turn)
    assert generation.model
    return requests.request_for(generation, model=generation.model)


@pytest.fixture
def conversation(ada: User) -> Conversation:
    factories.model("gpt-4o", is_default=True)
    return Conversation.objects.create(owner=ada)


@pytest.mark.django_db(transaction=True)
def test_the_guides_vision_example_is_produced_word_for_word_and_its_reply_read_back(
    ada: User, no_network: responses.RequestsMock
) -> None:
    key = factories.gateway_key(base_url="https://api.chainhub.tech")
    factories.model("claude-sonnet-4-20250514", key=key, is_streaming=False)
    conversation = Conversation.objects.create(
        owner=ada, parameters={"system": "You are a helpful assistant."}
    )
    picture = files.store_address(ada, ADDRESS)
    turn = ask(
        ada,
        conversation,
        QUESTION,
        attachment_ids=(picture.public_id,),
        model_name="claude-sonnet-4-20250514",
    )
    no_network.post(
        "https://api.chainhub.tech/v1/chat/completions",
        json=example("guide-vision.response.json"),
    )
    Generation.objects.update(state="running", lease_owner=uuid.uuid4(), lease_until=timezone.now())

    Answering(factories.generation_of(turn), Writer(lambda steps: None)).run()

    assert json.loads(no_network.calls[0].request.body) == example("guide-vision.request.json")
    assert turn.answer.parts.get().text == "\n\nHello there, how may I assist you today?"
    call = Call.objects.get()
    assert (call.input_tokens, call.output_tokens) == (9, 12)


def test_a_stored_picture_goes_out_as_a_data_uri(ada: User, conversation: Conversation) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(buffer, "PNG")
    picture = files.store_picture(ada, upload=io.BytesIO(buffer.getvalue()), name="red.png")

    turn = ask(ada, conversation, "What is this?", attachment_ids=(picture.public_id,))

    text, image = request_for(turn).messages[-1].parts
    assert text == requests.wire.Text("What is this?")
    assert isinstance(image, requests.wire.Image)
    head, _, body = image.url.partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == (4, 3)


def test_a_model_that_sees_nothing_is_told_of_the_picture(ada: User, conversation: Conversation) -> None:
    factories.model("blind", has_vision=False)
    picture = files.store_address(ada, "https://example.com/a.png")

    turn = ask(ada, conversation, "Look", attachment_ids=(picture.public_id,), model_name="blind")

    words = request_for(turn).messages[-1].parts[1]
    assert isinstance(words, requests.wire.Text)
    assert "can't see" in words.text


def test_the_shown_branch_is_sent_and_no_other(ada: User, conversation: Conversation) -> None:
    first = ask(ada, conversation, "One")
    answer(first, "First answer")
    again = sending.answer_again(first.answer, author=ada, send_id=uuid.uuid4(), kind="regenerate")
    answer(again, "Second answer")

    turn = ask(ada, conversation, "Two")

    said = [(message.role, message.parts[0].text) for message in request_for(turn).messages]
    assert said == [("user", "One"), ("assistant", "Second answer"), ("user", "Two")]


def test_thinking_and_what_was_set_aside_stay_here(ada: User, conversation: Conversation) -> None:
    first = ask(ada, conversation, "One")
    answer(first, "Hm", kind="thinking")
    answer(first, "Never mind", kind="discarded")
    answer(first, "Yes ![a cat](attachment:9f1c2a34-0000-4000-8000-000000000000)")

    turn = ask(ada, conversation, "Two")

    assert request_for(turn).messages[1].parts == (requests.wire.Text("Yes [picture a cat]"),)


def test_a_failed_answer_without_words_is_left_out(ada: User, conversation: Conversation) -> None:
    answer(ask(ada, conversation, "One"), "", state=GenerationState.FAILED)

    turn = ask(ada, conversation, "Two")

    assert [message.role for message in request_for(turn).messages] == ["user", "user"]


def test_parameters_of_the_conversation_win_over_the_models(ada: User, conversation: Conversation) -> None:
    factories.model("tuned", default_parameters={"temperature": 1.5, "top_p": 0.9})
    Conversation.objects.update(parameters={"temperature": 0.2, "max_tokens": 50, "system": " Be brief. "})
    conversation.refresh_from_db()

    request = request_for(ask(ada, conversation, "One", model_name="tuned"))

    assert request.parameters == {"temperature": 0.2, "top_p": 0.9, "max_tokens": 50}
    assert request.messages[0] == requests.wire.Message("system", (requests.wire.Text("Be brief."),))


@pytest.mark.parametrize("turns", [1, 20])
def test_a_long_conversation_costs_the_same_queries(
    ada: User, conversation: Conversation, turns: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(turns):
        turn = ask(ada, conversation, f"Question {number}")
        answer(turn, "Answer")
    generation = Generation.objects.select_related("message", "model").get(message=turn.answer)

    # The branch by its counts, the site's settings, the newest messages that were never counted (their parts,
    # pictures, and the counts written down in a transaction of three); then messages, parts, tool calls,
    # attachments; and the conversation, which the engine has at hand already.
    with django_assert_num_queries(11):
        requests.request_for(generation, model=generation.model)
