"""Who gets which answer to make."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone

from conversations.generation import claims, finishing
from conversations.models import EngineProcess, Generation, GenerationEvent, GenerationState, User
from tests import factories

BOOT = uuid.uuid4()


def claim(slots: int = 8) -> Generation | None:
    return claims.claim_next(boot_id=BOOT, now=timezone.now(), slots=slots)


def test_the_oldest_question_comes_first_and_each_is_claimed_once(ada: User) -> None:
    first, second = factories.ask(ada), factories.ask(ada)

    claimed = [claim(), claim(), claim()]

    assert [made.message_id if made else None for made in claimed] == [
        first.answer.pk,
        second.answer.pk,
        None,
    ]


def test_fifty_of_one_person_do_not_hold_up_anothers_one(ada: User, bob: User) -> None:
    for _ in range(50):
        factories.ask(ada)
    turn = factories.ask(bob)

    assert claim()
    second = claim()

    assert second
    assert second.message_id == turn.answer.pk


def test_nobody_takes_more_than_half_of_the_slots(ada: User) -> None:
    for _ in range(10):
        factories.ask(ada)

    claimed = [claim(slots=8) for _ in range(6)]

    assert sum(made is not None for made in claimed) == 4


def test_an_answer_whose_lease_ran_out_becomes_interrupted_with_its_text(ada: User) -> None:
    turn = factories.ask(ada)
    generation = claim()
    assert generation
    GenerationEvent.objects.create(
        generation=generation, seq=1, data={"parts": [{"position": 0, "kind": "text", "text": "Half an "}]}
    )
    GenerationEvent.objects.create(
        generation=generation, seq=2, data={"parts": [{"position": 0, "kind": "text", "text": "answer"}]}
    )
    claims.say_alive(boot_id=BOOT, now=timezone.now())

    later = timezone.now() + claims.LEASE + timedelta(seconds=1)
    claims.say_alive(boot_id=BOOT, now=later)
    lost = claims.lost(boot_id=uuid.uuid4(), running=[], now=later)
    for left in lost:
        finishing.recover(left)

    assert [left.pk for left in lost] == [generation.pk]
    generation.refresh_from_db()
    assert generation.state == GenerationState.INTERRUPTED
    assert turn.answer.parts.get().text == "Half an answer"
    assert not GenerationEvent.objects.exists()


def test_the_answers_of_an_engine_that_is_gone_are_found_at_once(ada: User) -> None:
    factories.ask(ada)
    generation = claim()
    claims.say_alive(boot_id=BOOT, now=timezone.now())
    # No process has this number.
    EngineProcess.objects.update(pid=2**22 + 1)

    lost = claims.lost(boot_id=uuid.uuid4(), running=[], now=timezone.now())

    assert generation
    assert [left.pk for left in lost] == [generation.pk]


def test_a_running_answer_of_a_living_engine_is_left_alone(ada: User) -> None:
    factories.ask(ada)
    claim()
    claims.say_alive(boot_id=BOOT, now=timezone.now())
    EngineProcess.objects.update(host="another-host")

    assert claims.lost(boot_id=uuid.uuid4(), running=[], now=timezone.now()) == []


def test_who_lost_the_lease_can_not_write_the_end(ada: User) -> None:
    factories.ask(ada)
    generation = claim()
    assert generation
    outcome = finishing.Outcome(GenerationState.SUCCEEDED, finish_reason="stop")
    Generation.objects.update(lease_owner=uuid.uuid4())

    assert finishing.finish(generation, outcome, [finishing.SaidPart("text", "Mine")]) is False
    generation.refresh_from_db()
    assert generation.state == GenerationState.RUNNING
    assert not generation.message.parts.exists()
