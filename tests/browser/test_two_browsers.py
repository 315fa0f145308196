"""One conversation in two browsers: each follows what the other does, as it happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.driving import answer_text, ask, sign_in_context, wait_for_state, wait_for_words
from tests.site import Site

SLOW = "2000 tokens every 50 ms"


@pytest.fixture
def other(page: Page, browser: Browser, site: Site) -> Iterator[Page]:
    """Another browser of the same person."""
    other = sign_in_context(browser.new_context(), site)
    yield other
    other.context.close()


def row(page: Page, title: str):
    return page.get_by_role("navigation", name="Conversations").get_by_role("link", name=title)


def begin(page: Page, other: Page, text: str, model: str = "practice-steady") -> None:
    """Ask in one browser, and open the conversation in the other by its row, which comes by itself."""
    ask(page, text, model)
    page.wait_for_url("**/c/*/")
    row(other, text).first.click()
    other.wait_for_url("**/c/*/")


def test_each_sees_the_others_question_and_the_answer_as_it_streams(page: Page, other: Page) -> None:
    begin(page, other, "5 tokens for two")
    wait_for_state(other, "succeeded")

    ask(page, f"{SLOW}, asked here", "practice-steady")
    expect(other.locator("article.question").last).to_contain_text("asked here")
    wait_for_words(other, 40)
    assert other.locator("article.answer").last.get_attribute("data-state") == "running"
    seen = answer_text(other)
    wait_for_words(other, len(seen) + 40)
    assert answer_text(other).startswith(seen)

    # A stop in one shows in the other.
    other.get_by_role("button", name="Stop", exact=True).click()
    wait_for_state(page, "stopped")
    wait_for_state(other, "stopped")
    assert answer_text(page) == answer_text(other)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()

    ask(other, "5 tokens, asked there", "practice-steady")
    expect(page.locator("article.question").last).to_contain_text("asked there")
    wait_for_state(page, "succeeded")


def test_an_edit_a_version_a_title_and_the_line_show_in_the_other(page: Page, other: Page) -> None:
    begin(page, other, "5 tokens to change")
    wait_for_state(page, "succeeded")
    wait_for_state(other, "succeeded")

    page.locator("article.question").last.get_by_role("button", name="Edit").click()
    page.locator(".edit-text").fill("6 tokens, changed")
    page.keyboard.press("Enter")
    expect(other.locator("article.question").last).to_contain_text("6 tokens, changed")
    expect(other.locator("article.question .pager")).to_contain_text("2 / 2")
    wait_for_state(other, "succeeded")

    other.get_by_role("button", name="Previous version").first.click()
    expect(page.locator("article.question").last).to_contain_text("5 tokens to change")
    expect(page.locator("article.question .pager")).to_contain_text("1 / 2")

    other.locator(".title-menu summary").click()
    other.get_by_role("link", name="Rename").last.click()
    other.get_by_role("textbox", name="Title").fill("Named there")
    other.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="Named there")).to_be_visible()
    expect(row(page, "Named there")).to_have_count(1)

    ask(page, SLOW, "practice-steady")
    wait_for_state(other, "running")
    other.get_by_role("textbox", name="Message").fill("And then?")
    other.get_by_role("button", name="Send").click()
    expect(page.locator(".waiting-text")).to_have_text(["And then?"])
    page.get_by_label("More for the line").click()
    page.get_by_role("button", name="Stop and clear the line").click()
    wait_for_state(other, "stopped")
    expect(other.locator(".waiting-text")).to_have_count(0)


def test_a_conversation_that_is_deleted_in_one_goes_away_in_the_other(page: Page, other: Page) -> None:
    begin(page, other, "5 tokens to delete")
    wait_for_state(other, "succeeded")

    page.locator(".title-menu summary").click()
    page.get_by_role("button", name="Delete").last.click()

    expect(other.get_by_text("This conversation was deleted.")).to_be_visible()
    expect(other.get_by_role("heading", name="New chat")).to_be_attached()
    expect(row(other, "5 tokens to delete")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row(other, "5 tokens to delete")).to_have_count(1)


def test_what_is_missed_while_nobody_looks_is_there_at_the_next_look(page: Page, other: Page) -> None:
    begin(page, other, "5 tokens before")
    wait_for_state(other, "succeeded")
    other.context.set_offline(True)
    other.wait_for_timeout(300)

    ask(page, "6 tokens while it was away", "practice-steady")
    wait_for_state(page, "succeeded")
    other.context.set_offline(False)

    expect(other.locator("article.question").last).to_contain_text("while it was away")
    expect(other.locator("article.answer[data-state=succeeded]")).to_have_count(2)
    assert answer_text(other) == answer_text(page)
