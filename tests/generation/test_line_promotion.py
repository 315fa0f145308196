"""The line goes on when an answer has ended: by the engine, by its housekeeping, and after a kill."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversations.generation.engine import Engine
from conversations.models import (
    Conversation,
    Generation,
    GenerationState,
    Message,
    Role,
    User,
    WaitingQuestion,
)
from conversations.practice.server import Gateway, running
from conversations.services import lines, sending
from tests import factories
from tests.generation.conftest import is_running, practice_model, until
from tests.site import Browser, Site

SLOW = "2000 tokens every 50 ms"


def asked(conversation: Conversation) -> list[str]:
    questions = Message.objects.filter(conversation=conversation, role=Role.USER).order_by("depth", "id")
    return [message.parts.get().text for message in questions]


def have_succeeded(count: int) -> bool:
    states = list(Generation.objects.values_list("state", flat=True))
    return states == [GenerationState.SUCCEEDED] * count


@pytest.mark.timeout(60)
def test_the_engine_sends_one_after_the_other(engine: Engine, ada: User) -> None:
    practice_model("steady", is_default=True)
    turn = factories.ask(ada, "20 tokens every 50 ms")
    for text in ("Two", "Three", "Four"):
        factories.in_line(ada, turn.conversation, text)

    until(lambda: have_succeeded(4), seconds=40)

    assert asked(turn.conversation) == ["20 tokens every 50 ms", "Two", "Three", "Four"]
    assert not WaitingQuestion.objects.exists()


@pytest.mark.timeout(60)
def test_after_a_stop_the_line_stands(engine: Engine, ada: User) -> None:
    practice_model("steady", is_default=True)
    turn = factories.ask(ada, SLOW)
    factories.in_line(ada, turn.conversation, "Two")
    until(lambda: is_running(turn))

    sending.stop(turn.answer)

    until(lambda: factories.generation_of(turn).state == GenerationState.STOPPED)
    assert asked(turn.conversation) == [SLOW]
    assert "stopped" in lines.of(turn.conversation).paused


@pytest.mark.timeout(60)
def test_what_an_engine_left_in_line_at_its_death_is_sent_by_the_next(
    transactional_db: None, ada: User, practice: Gateway
) -> None:
    """The answer had ended, and the process went before it looked at the line."""
    factories.gateway_key(base_url=practice.url)
    # Short: two engines of one process take each other for gone after a while.
    practice_model("chat", is_default=True)
    turn = factories.ask(ada, "One")
    factories.in_line(ada, turn.conversation, "Two")
    factories.end(turn)

    engines = [Engine(slots=4), Engine(slots=4)]
    for engine in engines:
        engine.start()
    try:
        until(lambda: have_succeeded(2), seconds=40)
    finally:
        for engine in engines:
            engine.stop()

    assert asked(turn.conversation) == ["One", "Two"]
    assert not WaitingQuestion.objects.exists()


# --- The whole site, killed -------------------------------------------------------------------------------


@pytest.fixture
def site(wire: None, tmp_path: Path) -> Iterator[Site]:
    with running(speed=1) as gateway:
        site = Site(
            tmp_path / "data", CHAINHUB_BASE_URL=gateway.url, CHAINHUB_API_KEY="sk-made-up-for-this-test"
        )
        yield site.start()
        site.close()


def in_line(site: Site) -> list[str]:
    rows = site.rows("SELECT text FROM conversations_waitingquestion ORDER BY position, id")
    return [text for (text,) in rows]


def questions(site: Site) -> list[str]:
    rows = site.rows(
        """SELECT p.text FROM conversations_part p JOIN conversations_message m ON m.id = p.message_id
           WHERE m.role = 'user' ORDER BY m.depth, m.id"""
    )
    return [text for (text,) in rows]


@pytest.mark.timeout(180)
def test_three_in_line_are_there_in_order_once_after_kill_9(site: Site) -> None:
    known = "SELECT 1 FROM conversations_model WHERE name = 'practice-steady' AND is_enabled"
    until(lambda: site.rows(known), seconds=30)
    browser = Browser(site)
    address = browser.ask(SLOW, "practice-steady")
    send_ids = [str(uuid.uuid4()) for _ in range(3)]
    texts = ["5 tokens, first", "5 tokens, second", "5 tokens, third"]
    for send_id, text in zip(send_ids, texts, strict=True):
        browser.send_form(f"{address}send/", send_id=send_id, text=text, model="practice-steady")
    assert in_line(site) == texts

    site.kill()
    site.start()

    assert in_line(site) == texts
    until(lambda: "Paused: the last answer was interrupted." in browser.page(address), seconds=20)
    page = browser.page(address)
    assert [page.index(text) for text in texts] == sorted(page.index(text) for text in texts)
    # Their very sends once more: nothing new.
    for send_id, text in zip(send_ids, texts, strict=True):
        browser.send_form(f"{address}send/", send_id=send_id, text=text, model="practice-steady")
    assert in_line(site) == texts
    browser.send_form(re.search(r'action="(/c/[^"]+/line/resume/)"', page)[1])
    ended = "SELECT 1 FROM conversations_generation WHERE state = 'succeeded'"
    until(lambda: len(site.rows(ended)) == 3, seconds=60)
    assert questions(site) == [SLOW, *texts]
    assert in_line(site) == []
