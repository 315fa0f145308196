"""Answers side by side in a browser: they stream at once, survive a reload, and one is gone on with."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.driving import ask, sign_in_context, wait_for_state, wait_for_words
from tests.site import Site

SLOW = "Please say 400 tokens every 30 ms"


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Answers side by side").get_by_role("article", name=name)


def compare(page: Page, text: str, *names: str) -> None:
    """Ask the first of the models, and the others beside it."""
    page.get_by_role("combobox", name="Model").select_option(names[0])
    page.get_by_label("Compare", exact=True).click()
    for name in names[1:]:
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()


def wait_for_words_in(place: Locator, characters: int) -> None:
    expect(place.locator(".prose").last).to_have_text(re.compile(rf".{{{characters},}}", re.DOTALL))


def leave_something_running(page: Page) -> None:
    ask(page, SLOW, "practice-steady")
    wait_for_words(page, 10)
    page.get_by_role("link", name="New chat", exact=True).click()
    expect(page.get_by_role("log", name="Messages")).to_have_count(0)


def test_two_models_stream_at_once_survive_a_reload_and_one_is_gone_on_with(page: Page) -> None:
    leave_something_running(page)
    compare(page, SLOW, "practice-steady", "practice-responses-steady")
    steady, other = column(page, "practice-steady"), column(page, "practice-responses-steady")
    wait_for_words_in(steady, 40)
    wait_for_words_in(other, 40)
    expect(steady).to_have_attribute("data-state", "running")
    expect(other).to_have_attribute("data-state", "running")

    page.reload()

    wait_for_words_in(steady, 200)
    wait_for_words_in(other, 200)
    other.get_by_role("button", name="Stop practice-responses-steady").click()
    expect(other).to_have_attribute("data-state", "stopped")
    expect(steady).to_have_attribute("data-state", "running")
    steady.get_by_role("button", name="Go on with this one").click()
    expect(page.get_by_role("region", name="Answers side by side")).to_have_count(0)
    expect(page.locator(".pager-place").last).to_have_text("1 / 2")
    before = len(page.locator("article.answer .prose").last.inner_text())
    wait_for_words(page, before + 60)
    page.locator("#composer").get_by_role("button", name="Stop").click()
    wait_for_state(page, "stopped")

    ask(page, "And then?", "practice-chat")
    expect(page.locator("article.answer")).to_have_count(2)
    wait_for_state(page, "succeeded")

    page.get_by_role("link", name="Compare", exact=True).click()
    page.wait_for_url(re.compile("/compare/"))
    expect(page.get_by_text("practice-steady was chosen")).to_be_visible()
    other.get_by_role("button", name="Go on with this one").click()
    page.wait_for_url(re.compile("/c/"))
    expect(page.get_by_role("article", name="practice-responses-steady")).to_be_visible()
    expect(page.locator(".pager-place").last).to_have_text("2 / 2")


def test_one_fails_alone_is_tried_again_and_all_are_stopped_at_once(page: Page) -> None:
    compare(page, SLOW, "practice-steady", "practice-400", "practice-chat")
    wait_for_words_in(column(page, "practice-steady"), 20)
    expect(column(page, "practice-400")).to_have_attribute("data-state", "failed")
    expect(column(page, "practice-chat")).to_have_attribute("data-state", "succeeded")

    column(page, "practice-400").get_by_role("button", name="Retry").click()
    expect(column(page, "practice-400")).to_have_attribute("data-state", "failed")
    expect(page.locator(".columns > article")).to_have_count(3)
    wait_for_words_in(column(page, "practice-steady"), 120)
    page.locator("#composer").get_by_role("button", name="Stop").click()

    expect(column(page, "practice-steady")).to_have_attribute("data-state", "stopped")
    expect(page.locator("#composer").get_by_role("button", name="Stop")).to_be_hidden()


def test_another_browser_sees_them_come_and_the_choice(page: Page, site: Site) -> None:
    ask(page, "Hello there")
    wait_for_state(page, "succeeded")
    context = page.context.browser.new_context()
    other = sign_in_context(context, site)
    other.goto(page.url)

    page.get_by_label("Regenerate with…").click()
    page.get_by_role("link", name="Compare with…").click()
    page.get_by_role("dialog").get_by_role("checkbox", name="practice-steady", exact=True).check()
    page.get_by_role("dialog").get_by_role("button", name="Compare").click()

    for seen in (page, other):
        expect(column(seen, "practice-chat")).to_have_attribute("data-state", "succeeded")
        wait_for_words_in(column(seen, "practice-steady"), 40)
    expect(page.get_by_role("dialog")).to_have_count(0)
    column(page, "practice-steady").get_by_role("button", name="Go on with this one").click()
    expect(other.get_by_role("region", name="Answers side by side")).to_have_count(0)
    expect(other.get_by_role("article", name="practice-steady")).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("practice-steady")
    context.close()


def test_no_more_than_four_can_be_chosen_and_never_one_twice(page: Page) -> None:
    page.get_by_role("combobox", name="Model").select_option("practice-chat")
    page.get_by_label("Compare", exact=True).click()

    expect(page.get_by_role("checkbox", name="practice-chat", exact=True)).to_be_disabled()
    for name in ("practice-steady", "practice-length", "practice-tools"):
        page.get_by_role("checkbox", name=name, exact=True).check()

    expect(page.get_by_label("Compare with 3 more")).to_be_visible()
    expect(page.get_by_role("checkbox", name="practice-400", exact=True)).to_be_disabled()


def test_a_message_before_a_choice_goes_on_with_the_one_that_is_named(page: Page) -> None:
    compare(page, "Hello there", "practice-chat", "practice-length")
    expect(page.get_by_text("A message that you send before goes on with practice-chat.")).to_be_visible()
    for name in ("practice-chat", "practice-length"):
        expect(column(page, name)).to_have_attribute("data-state", "succeeded")

    ask(page, "And then?")

    expect(page.get_by_role("region", name="Answers side by side")).to_have_count(0)
    expect(page.locator("article")).to_have_count(4)
    wait_for_state(page, "succeeded")
    expect(page.get_by_role("article", name="practice-length")).to_have_count(0)
