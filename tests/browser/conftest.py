"""A real browser, and the site as its users start it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from conversations.practice.server import Gateway, running
from tests.generation.conftest import until
from tests.site import PASSWORD, USERNAME, Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, in words, where there is no browser; never in CI."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.timeout(180))
            if CHROMIUM is None and os.environ.get("CI") != "true":
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine: apt install chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    assert CHROMIUM, "CI must install Chromium"
    # Playwright's event loop stays in this thread, and Django would refuse every later test its database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ARGUMENTS}


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    with running(speed=3) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def site(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all browser tests, whose key leads to the practice gateway."""
    site = Site(
        tmp_path_factory.mktemp("site") / "data",
        CHAINHUB_BASE_URL=gateway.url,
        CHAINHUB_API_KEY="sk-made-up-for-this-test",
        GATEWAY_RETRY_SCALE="0.05",
        GATEWAY_FIRST_BYTE_TIMEOUT="3",
        GATEWAY_IDLE_TIMEOUT="3",
    )
    with_models(site.start())
    yield site
    site.close()


def with_models(site: Site) -> Site:
    until(lambda: site.rows("SELECT 1 FROM conversations_model WHERE name = 'practice-chat'"), seconds=30)
    return site


@pytest.fixture(autouse=True)
def speaks_to_the_site(wire: None) -> None:
    """No mocks here: everything goes over loopback."""


class Faults:
    """What a browser complained about: errors of scripts, refused loads, requests to other hosts."""

    def __init__(self, page: Page, own: str) -> None:
        self.found: list[str] = []
        page.on("pageerror", lambda error: self.found.append(f"script: {error}"))
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("request", lambda request: self._request(request.url, own))

    def _console(self, kind: str, text: str) -> None:
        # The browser itself writes a line for each status of 400 and above, and for a lost connection.
        if kind == "error" and "Failed to load resource" not in text and "ERR_" not in text:
            self.found.append(f"console: {text}")

    def _request(self, url: str, own: str) -> None:
        if not url.startswith((own, "data:", "blob:")):
            self.found.append(f"foreign request: {url}")


@pytest.fixture
def page(page: Page, site: Site) -> Iterator[Page]:
    """A signed-in page at `/`; whatever its console complained about fails the test."""
    faults = Faults(page, "http://127.0.0.1:")
    page.set_default_timeout(20_000)
    sign_in(page, site)
    yield page
    assert faults.found == []


def sign_in(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/")
    page.get_by_role("textbox", name="Username").fill(USERNAME)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("textbox", name="Message").wait_for()


def ask(page: Page, text: str, model: str = "practice-chat") -> None:
    page.get_by_role("combobox", name="Model").select_option(model)
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()


def wait_for_state(page: Page, state: str) -> None:
    page.locator(f'article.answer[data-state="{state}"]').last.wait_for()


def wait_for_words(page: Page, characters: int) -> None:
    """Wait until the last answer has at least so much to read."""
    words = re.compile(rf".{{{characters},}}", re.DOTALL)
    expect(page.locator("article.answer").last.locator(".prose").last).to_have_text(words)


def answer_text(page: Page) -> str:
    return page.locator("article.answer").last.locator(".prose").last.inner_text()


def conversation_id(page: Page) -> str:
    page.wait_for_url(re.compile(r"/c/[0-9a-f-]+/"))
    return page.url.rstrip("/").rpartition("/")[2]


def sign_in_context(context: BrowserContext, site: Site) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    sign_in(page, site)
    return page


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG of 320×200 pixels."""
    path = tmp_path / "boat.png"
    Image.new("RGB", (320, 200), "#3388cc").save(path)
    return path
