"""Made again, in other words, gone on with, forked: each while another answer runs, each with a reload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from conversations.practice.cutting import WHOLE
from tests.driving import ask, wait_for_state, wait_for_words
from tests.site import Site

SLOW = "Please say 400 tokens every 30 ms"


def last(page: Page) -> object:
    return page.locator("article.answer").last


def pager(page: Page) -> object:
    return page.locator(".pager-place").last


def leave_something_running(page: Page) -> None:
    """Another conversation's answer goes on being written."""
    ask(page, SLOW, "practice-steady")
    wait_for_words(page, 10)
    page.get_by_role("link", name="New chat", exact=True).click()
    expect(page.get_by_role("log", name="Messages")).to_have_count(0)


def test_regenerate_with_a_hint_is_a_second_version_and_survives_a_reload(page: Page) -> None:
    leave_something_running(page)
    ask(page, "Hello there, a long text please")
    wait_for_state(page, "succeeded")

    last(page).get_by_label("Regenerate with…").click()
    last(page).get_by_role("button", name="Shorter").click()
    expect(pager(page)).to_have_text("2 / 2")
    wait_for_words(page, 30)
    page.reload()

    wait_for_state(page, "succeeded")
    expect(pager(page)).to_have_text("2 / 2")
    expect(last(page)).to_contain_text("far fewer words")
    last(page).get_by_label("Info", exact=True).click()
    expect(last(page).locator(".info-panel")).to_contain_text("Shorter")
    page.keyboard.press("Escape")
    last(page).get_by_role("button", name="Previous version").click()
    expect(pager(page)).to_have_text("1 / 2")
    expect(last(page)).not_to_contain_text("far fewer words")


def test_regenerate_with_another_model(page: Page) -> None:
    ask(page, "Hello there")
    wait_for_state(page, "succeeded")

    last(page).get_by_label("Regenerate with…").click()
    last(page).get_by_role("link", name="Another model…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="To be answered by").select_option("practice-very-long")
    dialog.get_by_role("button", name="Regenerate").click()

    expect(pager(page)).to_have_text("2 / 2")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("article", name="practice-very-long")).to_have_count(1)


def test_edit_makes_a_branch_and_survives_a_reload(page: Page) -> None:
    leave_something_running(page)
    ask(page, "Tell me of ships")
    wait_for_state(page, "succeeded")

    page.get_by_role("article", name="You").get_by_role("button", name="Edit").click()
    box = page.get_by_role("textbox", name="Edit message")
    expect(box).to_be_focused()
    expect(box).to_have_value("Tell me of ships")
    box.press("Escape")
    expect(box).to_have_count(0)
    expect(page.get_by_role("article", name="You").get_by_role("button", name="Edit")).to_be_focused()
    page.get_by_role("article", name="You").get_by_role("button", name="Edit").click()
    box.fill("Tell me of boats, a long text")
    box.press("Enter")

    expect(page.get_by_role("article", name="You")).to_contain_text("Tell me of boats")
    wait_for_words(page, 30)
    page.reload()
    wait_for_state(page, "succeeded")
    expect(page.locator("article.question .pager-place")).to_have_text("2 / 2")
    page.get_by_role("button", name="Previous version").click()
    expect(page.get_by_role("article", name="You")).to_contain_text("Tell me of ships")


@pytest.mark.parametrize("kind", ["exact", "repeat", "restart", "apology"])
def test_continue_is_one_clean_text_and_survives_a_reload(page: Page, kind: str) -> None:
    leave_something_running(page)
    # In the middle of a block of code.
    ask(page, "Tell me, and be cut after 520 characters", f"practice-continue-{kind}")
    wait_for_state(page, "succeeded")
    expect(last(page)).to_contain_text("Cut at the length limit")

    last(page).get_by_role("button", name="Continue").click()
    wait_for_state(page, "running")
    expect(last(page)).to_contain_text("A practice answer that is cut in the middle")
    page.reload()
    expect(last(page)).to_contain_text("A practice answer that is cut in the middle")
    expect(last(page)).to_contain_text("And these are the last words of it.")
    wait_for_state(page, "succeeded")

    expect(last(page).get_by_role("button", name="Continue")).to_have_count(0)
    expect(last(page).locator(".part-text")).to_have_count(1)
    expect(last(page).locator("figure.code, .code")).to_have_count(2)
    raw = last(page).locator("template.raw").evaluate("element => element.content.textContent")
    assert raw == WHOLE


def test_a_continuation_grows_in_its_place_in_another_tab_too(page: Page) -> None:
    ask(page, "Drop it after 230 characters", "practice-continue-exact")
    wait_for_state(page, "interrupted")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("article.answer")).to_contain_text("cut off")

    last(page).get_by_role("button", name="Continue").click()

    expect(other.locator("article.answer")).to_contain_text("And these are the last words of it.")
    wait_for_state(other, "succeeded")
    expect(other.locator("article.answer .part-text")).to_have_count(1)
    raw = other.locator("article.answer template.raw").evaluate("element => element.content.textContent")
    assert raw == WHOLE


def test_a_continuation_can_be_stopped_and_gone_on_with(page: Page, site: Site) -> None:
    ask(page, "Be cut after 60 characters", "practice-continue-exact")
    wait_for_state(page, "succeeded")
    last(page).get_by_role("button", name="Continue").click()
    expect(last(page)).to_contain_text("Choose a question")
    page.get_by_role("button", name="Stop").first.click()
    wait_for_state(page, "stopped")

    last(page).get_by_role("button", name="Continue").click()

    expect(last(page)).to_contain_text("And these are the last words of it.")
    wait_for_state(page, "succeeded")
    raw = last(page).locator("template.raw").evaluate("element => element.content.textContent")
    assert raw == WHOLE


def test_fork_is_a_conversation_of_its_own_and_survives_a_reload(page: Page) -> None:
    leave_something_running(page)
    ask(page, "Tell me of ships")
    wait_for_state(page, "succeeded")
    original = page.url

    last(page).get_by_label("More actions").click()
    last(page).get_by_role("button", name="Fork from here").click()

    expect(page.get_by_role("heading", name="Tell me of ships (fork)")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Tell me of ships (fork)")).to_be_visible()
    assert page.url != original
    assert page.locator("article").count() == 2
    ask(page, "And boats?")
    expect(page.locator("article.answer[data-state=succeeded]")).to_have_count(2)
    page.get_by_role("link", name="Tell me of ships", exact=True).first.click()
    page.wait_for_url(re.compile(re.escape(original)))
    assert page.locator("article").count() == 2


def test_a_deleted_version_comes_back(page: Page) -> None:
    ask(page, "Tell me of ships")
    wait_for_state(page, "succeeded")
    last(page).get_by_role("button", name="Regenerate", exact=True).click()
    expect(pager(page)).to_have_text("2 / 2")
    wait_for_state(page, "succeeded")

    last(page).get_by_label("More actions").click()
    last(page).get_by_role("button", name="Delete this version").click()
    expect(page.locator(".pager-place")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(pager(page)).to_have_text("2 / 2")

    last(page).get_by_label("More actions").click()
    last(page).get_by_role("button", name="Delete this version").click()
    expect(page.locator(".pager-place")).to_have_count(0)
    page.reload()
    page.locator(".title-menu summary").click()
    page.get_by_role("link", name="Deleted branches").click()
    page.get_by_role("dialog").get_by_role("button", name="Bring back").click()
    expect(pager(page)).to_have_text("2 / 2")


def test_what_is_typed_in_an_edit_survives_what_others_do_here(page: Page) -> None:
    ask(page, "Tell me of ships")
    wait_for_state(page, "succeeded")
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_role("article", name="You").get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Edit message").fill("Half a thought")

    other.get_by_role("article", name="practice-chat").hover()
    other.get_by_role("button", name="Regenerate", exact=True).click()
    expect(page.locator("article.answer .pager-place")).to_have_text("2 / 2")

    expect(page.get_by_role("textbox", name="Edit message")).to_have_value("Half a thought")
