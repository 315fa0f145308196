"""Several keys: an answer goes from one to the next where that can cost nothing twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from conversations.chainhub import errors
from conversations.generation import failover
from conversations.generation.engine import Engine
from conversations.models import (
    Alert,
    Call,
    GatewayKey,
    Generation,
    GenerationState,
    KeyCooldown,
    KeyModel,
    Model,
    Purpose,
    User,
)
from conversations.practice import keys as practice_keys
from conversations.practice.server import Gateway, running
from conversations.services import keys, pool, sending
from conversations.services.cooldowns import Reason
from tests import factories
from tests.chainhub.loopback import Connection, gateway
from tests.generation.conftest import ended, text_of, until

REFUSED, LIMITED, AWAY, USED_UP = (
    practice_keys.REFUSED,
    practice_keys.LIMITED,
    practice_keys.AWAY,
    practice_keys.USED_UP,
)
GOOD = "sk-practice-good-0123456789"


@pytest.fixture
def bare_engine(transactional_db: None, wire: None) -> Iterator[Engine]:
    """An engine without a key. The test starts it."""
    made = Engine(slots=32)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def full_length(settings: pytest.FixtureRequest) -> None:
    settings.GATEWAY_RETRY_SCALE = 1


def key_of(practice: Gateway, name: str, secret: str = GOOD, **fields: object) -> GatewayKey:
    return factories.gateway_key(name, secret=secret, base_url=practice.url, **fields)


def model_of(*found: GatewayKey, name: str = "practice-chat", **fields: object) -> Model:
    made = factories.model(name, key=found[0], **fields)
    KeyModel.objects.bulk_create([KeyModel(key=key, model=made) for key in found[1:]])
    return made


def told(**conditions: object) -> list[tuple[int, str, int | None, str]]:
    rows = Call.objects.filter(purpose=Purpose.ANSWER, **conditions).order_by("id")
    return list(rows.values_list("attempt", "key_name", "status", "error_kind"))


def shown_to(client: object, turn: object) -> str:
    return client.get(turn.conversation.get_absolute_url()).content.decode()


# --- Two hundred at once ---------------------------------------------------------------------------


def test_with_a_refused_a_limited_and_a_good_key_two_hundred_questions_at_once_all_succeed(
    transactional_db: None, wire: None
) -> None:
    with running(speed=20) as practice:
        refused = key_of(practice, "Refused", REFUSED)
        limited = key_of(practice, "Limited", LIMITED)
        good = key_of(practice, "Good")
        model_of(refused, limited, good, is_default=True)
        people = [factories.person(f"person{number}") for number in range(4)]
        for number in range(200):
            factories.ask(people[number % 4], f"Question {number}")
        engine = Engine(slots=200)
        engine.start()
        try:
            until(lambda: not Generation.objects.unfinished().exists(), seconds=90)
        finally:
            engine.stop()

    assert Counter(Generation.objects.values_list("state", flat=True)) == {GenerationState.SUCCEEDED: 200}
    rows = Counter(Call.objects.values_list("key_name", "status", "error_kind"))
    assert set(rows) == {
        ("Refused", 401, "key_rejected"),
        ("Limited", 429, "rate_limited"),
        ("Good", 200, ""),
    }
    assert rows["Good", 200, ""] == 200
    # Only those that were on their way when the first of them was refused.
    assert rows["Refused", 401, "key_rejected"] <= 20
    assert rows["Limited", 429, "rate_limited"] <= 40
    questions = [entry for entry in practice.seen()["requests"] if entry["method"] == "POST"]
    assert Counter(entry["status"] for entry in questions) == Counter(
        {status: count for (_, status, _), count in rows.items()}
    )
    # Nobody asked the same key twice for one answer, and every attempt is a row with its number.
    assert Call.objects.filter(attempt__gt=3).count() == 0
    assert KeyCooldown.objects.get(key=refused).failures == 1
    assert not Alert.objects.exists()


# --- Who is asked next -----------------------------------------------------------------------------


@pytest.mark.parametrize("wire_name", ["chat_completions", "responses"])
@pytest.mark.parametrize(
    ("secret", "status", "kind"),
    [
        (REFUSED, 401, "key_rejected"),
        (USED_UP, 403, "quota_exhausted"),
        (LIMITED, 429, "rate_limited"),
        (AWAY, 503, "gateway_unavailable"),
    ],
)
def test_the_next_key_answers_before_the_first_word(
    bare_engine: Engine, practice: Gateway, ada: User, secret: str, status: int, kind: str, wire_name: str
) -> None:
    name = "practice-responses" if wire_name == "responses" else "practice-chat"
    bad, good = key_of(practice, "Bad", secret, priority=1), key_of(practice, "Good", priority=2)
    model_of(bad, good, name=name, wire=wire_name)
    bare_engine.start()

    turn = factories.ask(ada, model_name=name)

    assert ended(turn).state == GenerationState.SUCCEEDED
    assert told() == [(1, "Bad", status, kind), (2, "Good", 200, "")]
    assert text_of(turn)
    assert KeyCooldown.objects.get().key == bad

    # The next question does not even try it.
    turn = factories.ask(ada, model_name=name)
    assert ended(turn).state == GenerationState.SUCCEEDED
    assert told(generation__message=turn.answer) == [(1, "Good", 200, "")]


def test_a_gateway_that_is_not_there_costs_no_wait_where_another_is(
    bare_engine: Engine, practice: Gateway, ada: User
) -> None:
    gone = factories.gateway_key("Gone", base_url="http://127.0.0.1:9", priority=1)
    model_of(gone, key_of(practice, "Good", priority=2))
    bare_engine.start()

    turn = factories.ask(ada)

    assert ended(turn).state == GenerationState.SUCCEEDED
    assert told() == [(1, "Gone", None, "connection_refused"), (2, "Good", 200, "")]


def _answer_with(status: int, body: bytes, kind: bytes = b"application/json") -> object:
    def play(connection: Connection) -> None:
        connection.read_request()
        head = b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        connection.send(head % (status, kind, len(body)) + body)

    return play


def _reset(connection: Connection) -> None:
    connection.read_request()
    connection.reset()


def _silent(connection: Connection) -> None:
    connection.read_request()
    connection.wait_for_close()


def _cut_after_a_word(connection: Connection) -> None:
    connection.begin()
    connection.chunk('data: {"choices":[{"delta":{"content":"Half an ans"}}]}\n\n')
    connection.reset()


_ERROR = b'{"error":{"message":"no","type":"new_api_error","code":"%s"}}'


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (_answer_with(408, b""), "gateway_unavailable"),
        (_answer_with(502, b"<html>", b"text/html"), "gateway_unavailable"),
        (_answer_with(504, b"<html>", b"text/html"), "gateway_unavailable"),
        (_answer_with(524, b""), "gateway_unavailable"),
        (_answer_with(500, _ERROR % b"nobody_listed_this"), "gateway_unavailable"),
        (_answer_with(200, b"<!doctype html><html>", b"text/html"), "unreadable_reply"),
        (_answer_with(200, _ERROR % b"bad_response"), "stream_refused"),
        (_answer_with(400, _ERROR % b"invalid_value"), "request_refused"),
        (_answer_with(413, _ERROR % b"read_request_body_failed"), "request_refused"),
        (_answer_with(500, _ERROR % b"invalid_request"), "request_refused"),
        (_reset, "connection_lost"),
        (_silent, "first_byte_timeout"),
        (_cut_after_a_word, "stream_broken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_be_billed_or_is_the_request_s_fault_is_never_sent_with_another_key(
    bare_engine: Engine,
    practice: Gateway,
    ada: User,
    settings: pytest.FixtureRequest,
    play: object,
    kind: str,
) -> None:
    settings.GATEWAY_FIRST_BYTE_TIMEOUT = 0.5
    with gateway(play) as bad:
        first = factories.gateway_key("Bad", base_url=bad.url, priority=1)
        model_of(first, key_of(practice, "Good", priority=2))
        bare_engine.start()
        turn = factories.ask(ada)
        generation = ended(turn)

    assert generation.state in (GenerationState.FAILED, GenerationState.INTERRUPTED)
    assert [(name, error) for _, name, _, error in told()] == [("Bad", kind)]
    assert not KeyCooldown.objects.exists()


ALL_ERRORS = [
    errors.Cancelled(),
    errors.StreamBroken(),
    errors.StreamRefused(),
    errors.UnreadableReply(),
    errors.RequestRefused(status=400),
    errors.ConnectionFailed(sent=True),
    errors.ConnectionFailed(sent=True, timed_out=True),
    errors.GatewayUnavailable(status=502, may_be_billed=True),
    errors.GatewayUnavailable(status=408, may_be_billed=True),
    errors.RateLimited(status=429, retryable=True),
    errors.KeyRejected(status=401),
    errors.QuotaExhausted(status=403),
    errors.UnknownModel(status=404),
    errors.UnknownModel(status=503, retryable=True, max_retries=1),
    errors.WrongAddress(status=404),
    errors.GatewayUnavailable(status=503, retryable=True),
    errors.ConnectionFailed(),
    errors.ConnectionFailed(kind="tls_failed", retryable=False),
    errors.UnreadableReply(kind="redirected", may_be_billed=False),
]


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: f"{type(error).__name__}-{error.kind}")
def test_another_attempt_is_allowed_only_where_nothing_can_be_billed(db: None, ada: User, error) -> None:
    first = factories.gateway_key("First", priority=1)
    model = model_of(first, factories.gateway_key("Second", priority=2))
    tries = failover.Tries(model, person=ada)
    ask = tries.next()

    allowed = tries.failed(ask, error)

    assert not (allowed and error.may_be_billed)
    assert allowed == (not error.may_be_billed and not isinstance(error, errors.RequestRefused))
    assert KeyCooldown.objects.exists() == allowed
    if allowed:
        assert tries.next().key.name == "Second"


def test_a_key_whose_secret_cannot_be_read_is_passed_over(
    bare_engine: Engine, practice: Gateway, ada: User
) -> None:
    lost = key_of(practice, "Lost", priority=1)
    model_of(lost, key_of(practice, "Good", priority=2))
    GatewayKey.objects.filter(pk=lost.pk).update(encryption_key_fingerprint="gone")
    bare_engine.start()

    turn = factories.ask(ada)
    assert ended(turn).state == GenerationState.SUCCEEDED
    assert told() == [(1, "Good", 200, "")]

    GatewayKey.objects.filter(name="Good").update(is_enabled=False)
    generation = ended(factories.ask(ada))
    assert generation.error_text == "The key can't be read. Ask an admin."
    assert "“Lost” could not be read here" in Alert.objects.get().text


def test_disabling_a_key_takes_effect_on_the_next_call(
    bare_engine: Engine, practice: Gateway, ada: User
) -> None:
    first, second = key_of(practice, "First", priority=1), key_of(practice, "Second", priority=2)
    model_of(first, second)
    bare_engine.start()

    ended(factories.ask(ada))
    keys.disable(first)
    ended(factories.ask(ada))

    assert [name for _, name, _, _ in told()] == ["First", "Second"]


# --- Waiting, and no key left ----------------------------------------------------------------------


def test_a_question_waits_for_a_key_that_is_back_soon(
    bare_engine: Engine, practice: Gateway, ada: User, settings: pytest.FixtureRequest
) -> None:
    key, other = key_of(practice, "Limited"), key_of(practice, "Refused")
    model_of(key, other)
    began_at = timezone.now()
    ends_at = began_at + timedelta(seconds=1.5)
    later = began_at + timedelta(hours=1)
    KeyCooldown.objects.create(key=key, reason=Reason.LIMITED, began_at=began_at, ends_at=ends_at)
    KeyCooldown.objects.create(key=other, reason=Reason.REFUSED, began_at=began_at, ends_at=later)
    bare_engine.start()

    turn = factories.ask(ada)

    assert ended(turn).state == GenerationState.SUCCEEDED
    assert Call.objects.get().started_at >= ends_at
    assert not KeyCooldown.objects.filter(key=key).exists()


def test_attempts_are_bounded_by_the_keys_and_two(
    bare_engine: Engine, practice: Gateway, ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.GATEWAY_RETRY_SCALE = 0.01
    model_of(*(key_of(practice, f"Away {number}", AWAY) for number in range(3)))
    bare_engine.start()

    generation = ended(factories.ask(ada))

    assert generation.error_kind == "gateway_unavailable"
    assert [attempt for attempt, *_ in told()] == [1, 2, 3, 4, 5]


def test_no_key_left_is_a_sentence_with_retry_for_members_and_an_alert_for_admins(
    bare_engine: Engine, practice: Gateway, ada: User, ada_client: object, staff_client: object
) -> None:
    refused, limited = key_of(practice, "Alpha", REFUSED), key_of(practice, "Beta", USED_UP, priority=200)
    model = model_of(refused, limited)
    bare_engine.start()

    turn = factories.ask(ada)
    generation = ended(turn)

    assert (generation.state, generation.error_kind) == (GenerationState.FAILED, "key_rejected")
    alert = Alert.objects.get()
    assert alert.topic == "no_key:practice-chat"
    assert "“Alpha” was refused (401), “Beta” had no balance left (403)" in alert.text
    page = shown_to(ada_client, turn)
    assert "Ask an admin." in page
    assert ">Retry<" in page
    assert "Alpha" not in page
    assert "Beta" not in page

    # Nobody is asked in vain a second time.
    again = ended(factories.ask(ada))
    assert again.error_kind == "no_key"
    assert "Ask an admin" in again.error_text
    assert "Alpha" not in again.error_text
    assert Call.objects.count() == 2

    # A key that answers closes it.
    KeyModel.objects.create(key=key_of(practice, "New"), model=model)
    assert ended(factories.ask(ada)).state == GenerationState.SUCCEEDED
    until(lambda: not Alert.objects.filter(closed_at=None).exists())
    assert pool.alert_topic(model) == alert.topic


def test_a_key_of_another_group_is_not_used_even_where_it_is_the_last(
    bare_engine: Engine, practice: Gateway, ada: User
) -> None:
    key = key_of(practice, "Theirs")
    key.groups.add(Group.objects.create(name="Others"))
    model_of(key)
    bare_engine.start()

    generation = ended(factories.ask(ada))

    assert generation.error_text == "No key serves this model for you. Ask an admin."
    assert not Call.objects.exists()


# --- What is told ----------------------------------------------------------------------------------


def test_admins_read_on_the_answer_which_key_did_what_and_members_do_not(
    bare_engine: Engine, practice: Gateway, ada: User, ada_client: object
) -> None:
    model_of(
        key_of(practice, "Team key A", REFUSED, priority=1),
        key_of(practice, "B", LIMITED, priority=2),
        key_of(practice, "C", priority=3),
    )
    bare_engine.start()
    turn = factories.ask(ada)
    ended(turn)
    story = "“Team key A” was refused (401), “B” asked for fewer requests (429), answered by “C”."

    assert story not in shown_to(ada_client, turn)
    assert "Team key A" not in shown_to(ada_client, turn)

    User.objects.filter(pk=ada.pk).update(is_superuser=True)
    assert story in shown_to(ada_client, turn)


def test_a_title_goes_on_with_the_next_key_too(
    bare_engine: Engine, practice: Gateway, ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.TITLE_MODEL = "practice-chat"
    bad = key_of(practice, "Bad", REFUSED, priority=1)
    good = key_of(practice, "Good", priority=2)
    model_of(good, name="practice-steady", is_default=True)
    model_of(bad, good)
    bare_engine.start()

    ended(factories.ask(ada, "5 tokens every 1 ms"))

    def titled() -> list[tuple[str, str]]:
        rows = Call.objects.filter(purpose=Purpose.TITLE, ended_at__isnull=False).order_by("id")
        return list(rows.values_list("key_name", "error_kind"))

    until(lambda: titled() == [("Bad", "key_rejected"), ("Good", "")])


def test_stop_ends_the_wait_for_a_key(bare_engine: Engine, practice: Gateway, ada: User) -> None:
    keys_of_model = [key_of(practice, "One"), key_of(practice, "Two")]
    model_of(*keys_of_model)
    for key in keys_of_model:
        KeyCooldown.objects.create(
            key=key,
            reason=Reason.LIMITED,
            began_at=timezone.now(),
            ends_at=timezone.now() + timedelta(seconds=50),
        )
    bare_engine.start()
    turn = factories.ask(ada)
    until(lambda: factories.generation_of(turn).state == GenerationState.RUNNING)
    threading.Event().wait(0.3)

    sending.stop(turn.answer)

    assert ended(turn, seconds=5).state == GenerationState.STOPPED
    assert not Call.objects.exists()
