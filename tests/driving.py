"""The page, driven as a person would: by roles and names. Needs no Django."""

from __future__ import annotations

import re
import shutil

from playwright.sync_api import BrowserContext, Page, expect

from tests.site import PASSWORD, USERNAME, Site
from tests.waiting import until

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


def with_models(site: Site) -> Site:
    until(lambda: site.rows("SELECT 1 FROM conversations_model WHERE name = 'practice-chat'"), seconds=30)
    return site
