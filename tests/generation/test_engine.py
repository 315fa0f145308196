"""The engine against the practice gateway: what each way of ending leaves behind."""

from __future__ import annotations

import uuid

import pytest

from conversations.generation.engine import Engine
from conversations.models import (
    Attachment,
    Call,
    Generation,
    GenerationEvent,
    GenerationState,
    Purpose,
    SendKind,
    User,
)
from conversations.practice.server import Gateway
from conversations.services import accepting, sending
from tests import factories
from tests.generation.conftest import ended, practice_model, text_of, until


def ask(ada: User, suffix: str, text: str = "Hello there", **fields: object) -> accepting.Turn:
    practice_model(suffix, **fields)
    return factories.ask(ada, text, model_name=f"practice-{suffix}")


def asked(practice: Gateway) -> list[dict[str, object]]:
    """The requests for an answer, without those of the housekeeping."""
    return [entry for entry in practice.seen()["requests"] if entry["method"] == "POST"]


def test_an_answer_streams_to_its_end_and_is_accounted_for(engine: Engine, ada: User) -> None:
    turn = ask(ada, "chat")

    generation = ended(turn)

    assert generation.state == GenerationState.SUCCEEDED
    assert generation.finish_reason == "stop"
    assert "practice" in text_of(turn).lower()
    assert not GenerationEvent.objects.exists()
    call = Call.objects.get()
    assert (call.purpose, call.status, call.key_name) == (Purpose.ANSWER, 200, "Team key")
    assert call.input_tokens
    assert call.output_tokens
    assert call.request_id
    assert call.first_token_ms is not None
    part = turn.answer.parts.get()
    assert "<p>" in part.html


@pytest.mark.parametrize(
    ("suffix", "state", "kind", "calls"),
    [
        ("400", GenerationState.FAILED, "request_refused", 1),
        ("401", GenerationState.FAILED, "key_rejected", 1),
        ("401-upstream", GenerationState.FAILED, "gateway_unavailable", 3),
        ("403", GenerationState.FAILED, "key_rejected", 1),
        ("quota", GenerationState.FAILED, "quota_exhausted", 1),
        ("413", GenerationState.FAILED, "request_refused", 1),
        ("429", GenerationState.FAILED, "rate_limited", 3),
        ("500-request", GenerationState.FAILED, "request_refused", 1),
        ("500", GenerationState.FAILED, "gateway_unavailable", 3),
        ("503", GenerationState.FAILED, "gateway_unavailable", 3),
        ("502-html", GenerationState.FAILED, "gateway_unavailable", 1),
        ("504-html", GenerationState.FAILED, "gateway_unavailable", 1),
        ("html-200", GenerationState.FAILED, "unreadable_reply", 1),
    ],
)
def test_a_refused_request_fails_and_only_what_cost_nothing_is_asked_again(
    engine: Engine, ada: User, suffix: str, state: str, kind: str, calls: int
) -> None:
    turn = ask(ada, suffix)

    generation = ended(turn)

    assert (generation.state, generation.error_kind) == (state, kind)
    assert generation.error_text
    assert Call.objects.count() == calls
    assert not Call.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize(
    ("suffix", "state"),
    [
        ("error-chunk", GenerationState.FAILED),
        ("bare-error", GenerationState.FAILED),
        ("cut", GenerationState.INTERRUPTED),
        ("reset", GenerationState.INTERRUPTED),
        ("done-only", GenerationState.INTERRUPTED),
    ],
)
def test_what_came_before_a_broken_stream_is_kept(engine: Engine, ada: User, suffix: str, state: str) -> None:
    turn = ask(ada, suffix)

    generation = ended(turn)

    assert generation.state == state
    assert len(text_of(turn)) > 20
    assert Call.objects.count() == 1


@pytest.mark.parametrize(
    "suffix", ["ping", "crlf", "split", "usage-last", "empty-choices", "json", "stream", "no-usage"]
)
def test_odd_but_complete_streams_succeed(engine: Engine, ada: User, suffix: str) -> None:
    turn = ask(ada, suffix, is_streaming=suffix != "stream")

    generation = ended(turn)

    assert generation.state == GenerationState.SUCCEEDED
    assert text_of(turn)


def test_a_silent_stream_is_interrupted_when_its_time_is_up(
    engine: Engine, ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.GATEWAY_IDLE_TIMEOUT = 0.4
    turn = ask(ada, "silence")

    generation = ended(turn)

    assert generation.state == GenerationState.INTERRUPTED
    assert text_of(turn)


def test_no_first_byte_in_time_fails_and_is_not_asked_again(
    engine: Engine, ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.GATEWAY_FIRST_BYTE_TIMEOUT = 0.4
    turn = ask(ada, "no-answer")

    generation = ended(turn)

    assert (generation.state, generation.error_kind) == (GenerationState.FAILED, "first_byte_timeout")
    assert "billed" in generation.error_text
    assert Call.objects.count() == 1


def test_a_stream_that_starts_over_keeps_what_it_had_said_aside(engine: Engine, ada: User) -> None:
    turn = ask(ada, "restart")

    generation = ended(turn)

    assert generation.state == GenerationState.SUCCEEDED
    kinds = list(turn.answer.parts.order_by("position").values_list("kind", flat=True))
    assert kinds == ["discarded", "text"]


@pytest.mark.parametrize("suffix", ["thinking", "think-tags"])
def test_thinking_is_a_part_of_its_own_with_its_time(engine: Engine, ada: User, suffix: str) -> None:
    turn = ask(ada, suffix)

    ended(turn)

    thinking, answer = turn.answer.parts.order_by("position")
    assert (thinking.kind, answer.kind) == ("thinking", "text")
    assert thinking.ended_at >= thinking.started_at
    assert "<think>" not in answer.text


def test_a_cut_at_the_length_limit_succeeds_and_says_so(engine: Engine, ada: User) -> None:
    turn = ask(ada, "length")

    generation = ended(turn)

    assert (generation.state, generation.finish_reason) == (GenerationState.SUCCEEDED, "length")


def test_a_picture_of_a_model_becomes_an_attachment_and_never_text(engine: Engine, ada: User) -> None:
    turn = ask(ada, "picture", "A picture, please")

    ended(turn)

    attachment = Attachment.objects.get(message=turn.answer)
    assert attachment.made_by == "model"
    assert "base64" not in text_of(turn)
    assert str(attachment.public_id) in turn.answer.parts.get().html


def test_a_request_that_was_refused_twice_succeeds_at_the_third(engine: Engine, ada: User) -> None:
    turn = ask(ada, "refuse-twice", f"Try {uuid.uuid4()}")

    generation = ended(turn)

    assert generation.state == GenerationState.SUCCEEDED
    assert list(Call.objects.order_by("id").values_list("attempt", "status")) == [
        (1, 503),
        (2, 503),
        (3, 200),
    ]


def test_stop_keeps_the_text_and_closes_the_connection_of_the_gateway(
    engine: Engine, ada: User, practice: Gateway
) -> None:
    turn = ask(ada, "steady", "500 tokens every 50 ms")
    until(lambda: GenerationEvent.objects.filter(data__has_key="parts").exists())

    sending.stop(turn.answer)

    assert ended(turn, seconds=3).state == GenerationState.STOPPED
    assert text_of(turn)
    until(lambda: asked(practice)[-1]["ended"] == "client went away", seconds=3)
    assert Call.objects.get().error_kind == "cancelled"


def test_stop_before_the_first_byte_closes_the_connection(
    engine: Engine, ada: User, practice: Gateway
) -> None:
    turn = ask(ada, "no-answer")
    until(lambda: asked(practice))

    sending.stop(turn.answer)

    assert ended(turn, seconds=3).state == GenerationState.STOPPED
    until(lambda: asked(practice)[-1]["ended"] == "client went away", seconds=3)


def test_a_queued_answer_that_is_stopped_is_never_asked(transactional_db: None, ada: User) -> None:
    turn = factories.ask(ada)

    sending.stop(turn.answer)

    assert factories.generation_of(turn).state == GenerationState.STOPPED
    assert not Call.objects.exists()


def test_a_retry_makes_a_version_beside_the_failed_one(engine: Engine, ada: User) -> None:
    turn = ask(ada, "cut")
    ended(turn)

    again = sending.answer_again(turn.answer, author=ada, send_id=uuid.uuid4(), kind=SendKind.RETRY)

    ended(again)
    assert again.answer.pk != turn.answer.pk
    assert again.answer.parent_id == turn.answer.parent_id
    assert text_of(turn)


def test_a_shutdown_interrupts_what_runs_and_keeps_its_text(engine: Engine, ada: User) -> None:
    turn = ask(ada, "steady", "500 tokens every 50 ms")
    until(lambda: GenerationEvent.objects.filter(data__has_key="parts").exists())

    engine.stop()

    generation = ended(turn, seconds=3)
    assert generation.state == GenerationState.INTERRUPTED
    assert text_of(turn)


def test_closing_every_page_changes_nothing_and_one_send_is_one_call(
    engine: Engine, ada: User, practice: Gateway
) -> None:
    practice_model("chat", is_default=True)
    send_id = uuid.uuid4()

    turns = [
        sending.send_message(None, author=ada, send_id=send_id, text="Once", model_name="") for _ in range(5)
    ]

    ended(turns[0])
    assert len({turn.answer.pk for turn in turns}) == 1
    assert Generation.objects.count() == 1
    assert Call.objects.filter(purpose=Purpose.ANSWER).count() == 1
