"""A real browser, and the site as its users start it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from conversations.practice.server import Gateway, running
from tests.driving import ARGUMENTS, CHROMIUM, sign_in, with_models
from tests.site import Site

# The machines are shared: what is looked for may take its time. What must not be there is asserted at once.
expect.set_options(timeout=15_000)


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


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG of 320×200 pixels."""
    path = tmp_path / "boat.png"
    Image.new("RGB", (320, 200), "#3388cc").save(path)
    return path
