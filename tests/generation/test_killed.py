"""The whole site, killed in the middle of its work. Nothing that a viewer was shown may be lost."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from conversations.practice.server import Gateway, running
from tests.generation.conftest import until
from tests.site import Browser, Site

ANSWERS = 20


@pytest.fixture
def gateway(wire: None) -> Iterator[Gateway]:
    with running(speed=1) as gateway:
        yield gateway


@pytest.fixture
def site(gateway: Gateway, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "data", CHAINHUB_BASE_URL=gateway.url, CHAINHUB_API_KEY="sk-made-up-for-this-test")
    yield site.start()
    site.close()


class Watcher(threading.Thread):
    """One open page: collects the text that it was shown, until the stream ends."""

    def __init__(self, stream: requests.Response) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.shown = ""

    def run(self) -> None:
        try:
            for line in self.stream.iter_lines(chunk_size=1):
                if line.startswith(b"data: "):
                    self.take(json.loads(line.removeprefix(b"data: ")))
        except requests.RequestException:
            return

    def take(self, data: dict) -> None:
        for part in data.get("parts", ()):
            self.shown += "".join(part.get(name) or "" for name in ("closed", "open", "append"))


def numbers(text: str) -> set[int]:
    """Return the numbers of the tokens that a text holds: the steady model says t1, t2, t3 …"""
    return {int(number) for number in re.findall(r"\bt(\d+)\b", text)}


def models_are_synced(site: Site) -> bool:
    return bool(site.rows("SELECT 1 FROM conversations_model WHERE name = 'practice-steady' AND is_enabled"))


@pytest.mark.timeout(180)
def test_twenty_running_answers_survive_kill_9(site: Site) -> None:
    until(lambda: models_are_synced(site), seconds=30)
    browser = Browser(site)
    addresses = [
        browser.ask(f"400 tokens every 50 ms, please: {n}", "practice-steady") for n in range(ANSWERS)
    ]
    watchers = [Watcher(browser.open_stream(address)) for address in addresses]
    for watcher in watchers:
        watcher.start()
    until(lambda: all(len(numbers(watcher.shown)) > 10 for watcher in watchers), seconds=60)

    site.kill()
    for watcher in watchers:
        watcher.join(timeout=10)
    site.start()

    until(lambda: not unfinished(site), seconds=10)
    assert site.rows("PRAGMA integrity_check") == [("ok",)]
    for address, watcher in zip(addresses, watchers, strict=True):
        state, text = answer_at(site, address)
        assert state == "interrupted"
        assert numbers(watcher.shown) <= numbers(text)
    assert_retry_works(site, Browser(site), addresses[0])


def unfinished(site: Site) -> list[tuple[int]]:
    return site.rows(
        "SELECT id FROM conversations_generation WHERE state IN ('queued', 'running', 'waiting')"
    )


def answer_at(site: Site, address: str) -> tuple[str, str]:
    ((state, text),) = site.rows(
        """SELECT g.state, group_concat(p.text, '') FROM conversations_generation g
           JOIN conversations_message m ON m.id = g.message_id
           JOIN conversations_conversation c ON c.id = m.conversation_id
           LEFT JOIN conversations_part p ON p.message_id = m.id
           WHERE c.public_id = ? GROUP BY g.id""",
        address.strip("/").removeprefix("c/").replace("-", ""),
    )
    return state, text


def assert_retry_works(site: Site, browser: Browser, address: str) -> None:
    page = browser.page(address)
    retry = re.search(r'action="(/m/[^"]+/retry/)"[^>]*>.*?name="send_id" value="([^"]+)"', page, re.DOTALL)
    assert retry

    browser.send_form(retry[1], send_id=retry[2])

    until(lambda: len(site.rows("SELECT 1 FROM conversations_generation WHERE state = 'running'")) == 1)


@pytest.mark.timeout(120)
def test_ctrl_c_ends_everything_within_three_seconds_with_open_streams(site: Site) -> None:
    until(lambda: models_are_synced(site), seconds=30)
    browser = Browser(site)
    address = browser.ask("2000 tokens every 50 ms", "practice-steady")
    watchers = [Watcher(browser.open_stream(address)) for _ in range(10)]
    for watcher in watchers:
        watcher.start()
    until(lambda: all(watcher.shown for watcher in watchers), seconds=30)

    took = site.interrupt()

    assert took < 3
    assert not site.is_ready()
    assert "Traceback" not in site.log()
    state, text = answer_at(site, address)
    assert state == "interrupted"
    assert numbers(text)
