"""What goes on beside the answers: titles, the practice gateway's coming and going."""

from __future__ import annotations

import pytest

from conversations.generation.engine import Engine
from conversations.generation.housekeeping import Housekeeping
from conversations.models import (
    Call,
    GatewayKey,
    Generation,
    GenerationState,
    Model,
    Purpose,
    TitleSource,
    User,
)
from conversations.practice.server import Gateway
from conversations.services import catalog, gateway, titles
from tests import factories
from tests.generation.conftest import ended, practice_model, until


def test_a_title_model_names_the_conversation_in_a_call_of_its_own(
    engine: Engine, ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.TITLE_MODEL = "practice-chat"
    practice_model("chat", is_default=True)

    turn = factories.ask(ada, "Please explain monads to me")

    ended(turn)
    until(lambda: Call.objects.filter(purpose=Purpose.TITLE).exclude(ended_at=None).exists())
    until(lambda: type(turn.conversation).objects.get().title_source == TitleSource.MODEL)
    assert Call.objects.filter(purpose=Purpose.ANSWER).count() == 1


def test_a_title_model_that_fails_costs_nothing(
    engine: Engine, ada: User, settings: pytest.FixtureRequest
) -> None:
    settings.TITLE_MODEL = "practice-400"
    practice_model("chat", is_default=True)
    practice_model("400")

    turn = factories.ask(ada, "Monads")

    assert ended(turn).state == GenerationState.SUCCEEDED
    until(lambda: Call.objects.filter(purpose=Purpose.TITLE).exclude(error_kind="").exists())
    turn.conversation.refresh_from_db()
    assert turn.conversation.title == "Monads"


def test_a_title_that_a_person_gave_stays(ada: User) -> None:
    conversation = factories.ask(ada).conversation
    titles.rename(conversation, title="Mine")

    titles.name_by_model(conversation, title="Another")

    conversation.refresh_from_db()
    assert conversation.title == "Mine"


@pytest.fixture
def site_without_a_key(transactional_db: None, wire: None, settings: pytest.FixtureRequest) -> Engine:
    settings.PRACTICE_GATEWAY = True
    engine = Engine(slots=4)
    engine.start()
    yield engine
    engine.stop()
    gateway.set_practice_address(None)


def test_the_practice_gateway_answers_until_a_key_is_added_and_vanishes_then(
    site_without_a_key: Engine, ada: User, practice: Gateway
) -> None:
    until(lambda: Model.objects.offered().exists())
    default = catalog.default_model()
    assert default
    assert default.name == "practice-chat"
    assert catalog.is_practice()
    assert ended(factories.ask(ada, "Hi")).state == GenerationState.SUCCEEDED

    factories.gateway_key(base_url=practice.url, synced_at=None)

    until(lambda: gateway.practice_address() is None)
    assert not catalog.is_practice()
    until(lambda: GatewayKey.objects.get(name="Team key").synced_at)
    assert (
        not Model.objects.served()
        .filter(key_models__key__source="practice", keys__source="admin")
        .exclude(key_models__key__name="Team key")
    )


def test_housekeeping_lives_through_whatever_breaks() -> None:
    def broken() -> None:
        raise RuntimeError("something")

    Housekeeping._guarded(broken)


def test_an_answer_whose_model_was_removed_says_so(engine: Engine, ada: User) -> None:
    practice_model("chat", is_default=True)
    Model.objects.filter(name="practice-chat").update(is_enabled=True)
    turn = factories.ask(ada, "Hi")
    ended(turn)
    Model.objects.all().delete()

    Generation.objects.filter(message=turn.answer).update(state=GenerationState.QUEUED, ended_at=None)

    until(lambda: factories.generation_of(turn).state == GenerationState.FAILED)
    assert "removed" in factories.generation_of(turn).error_text
