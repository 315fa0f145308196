"""The line, seen and changed in a browser, and in two at once."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.driving import ask, sign_in_context, wait_for_state
from tests.site import Site

SLOW = "2000 tokens every 50 ms"


def put_in_line(page: Page, *texts: str) -> None:
    for text in texts:
        page.get_by_role("textbox", name="Message").fill(text)
        page.get_by_role("button", name="Send").click()
        expect(line(page).get_by_role("listitem").filter(has_text=text)).to_be_visible()


def line(page: Page):
    return page.get_by_role("region", name="In line")


def shows(page: Page, *texts: str) -> None:
    expect(page.locator(".waiting-text")).to_have_text(list(texts))


def begin(page: Page) -> None:
    ask(page, SLOW, "practice-steady")
    wait_for_state(page, "running")


def end(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_state(page, "stopped")


def test_send_and_stop_are_both_there_while_an_answer_runs_and_something_is_typed(page: Page) -> None:
    begin(page)
    send, stop = (page.get_by_role("button", name=name) for name in ("Send", "Stop"))
    expect(stop).to_be_visible()
    expect(send).to_be_hidden()

    page.get_by_role("textbox", name="Message").fill("And then?")

    expect(send).to_be_visible()
    expect(send).to_have_attribute("title", "Send when the answer has ended")
    expect(stop).to_be_visible()
    stop.click()
    wait_for_state(page, "stopped")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("And then?")
    expect(page.locator("article.question")).to_have_count(1)


def test_two_browsers_see_the_line_and_what_each_does_to_it(page: Page, browser: Browser, site: Site) -> None:
    begin(page)
    page.wait_for_url(re.compile(r"/c/"))
    other = sign_in_context(browser.new_context(), site)
    other.goto(page.url)

    put_in_line(page, "One", "Two")
    shows(other, "One", "Two")
    put_in_line(other, "Three")
    shows(page, "One", "Two", "Three")
    other.get_by_role("button", name="Move question 3 up").click()
    shows(page, "One", "Three", "Two")
    page.get_by_label("Edit question 2 in line").click()
    page.get_by_role("textbox", name="Text of question 2").fill("3")
    page.get_by_role("button", name="Save").click()
    shows(other, "One", "3", "Two")
    other.get_by_role("button", name="Remove question 1 from the line").click()
    shows(page, "3", "Two")
    other.get_by_role("button", name="Undo").click()
    shows(page, "One", "3", "Two")

    page.get_by_label("More for the line").click()
    page.get_by_role("button", name="Stop and clear the line").click()
    wait_for_state(other, "stopped")
    expect(line(other)).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    shows(other, "One", "3", "Two")
    expect(line(other)).to_contain_text("Paused: the last answer was stopped.")
    other.context.close()


def test_a_line_that_stands_is_resumed_and_goes_on_to_its_end(page: Page) -> None:
    begin(page)
    put_in_line(page, "5 tokens, one", "5 tokens, two")
    end(page)
    expect(line(page)).to_contain_text("Paused: the last answer was stopped.")

    page.get_by_role("button", name="Resume the line").click()

    expect(page.locator("article.answer[data-state=succeeded]")).to_have_count(2)
    expect(page.locator("article.question")).to_have_count(3)
    expect(line(page)).to_be_hidden()


def test_an_open_editor_survives_what_others_do_and_gives_its_text_back_when_its_question_goes(
    page: Page, browser: Browser, site: Site
) -> None:
    begin(page)
    put_in_line(page, "One", "Two")
    page.get_by_label("Edit question 2 in line").click()
    editor = page.get_by_role("textbox", name="Text of question")
    editor.fill("Two, but better")
    other = sign_in_context(browser.new_context(), site)
    other.goto(page.url)

    other.get_by_role("button", name="Move question 2 up").click()
    shows(page, "Two", "One")
    expect(editor).to_have_value("Two, but better")
    expect(editor).to_be_focused()
    other.get_by_role("button", name="Remove question 1 from the line").click()

    shows(page, "One")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Two, but better")
    other.context.close()
    end(page)


def test_the_keyboard_stays_where_it_was_when_a_question_moves(page: Page) -> None:
    begin(page)
    put_in_line(page, "One", "Two", "Three")

    page.get_by_role("button", name="Move question 3 up").focus()
    page.keyboard.press("Enter")
    shows(page, "One", "Three", "Two")
    expect(page.get_by_role("button", name="Move question 2 up")).to_be_focused()
    page.keyboard.press("Enter")

    shows(page, "Three", "One", "Two")
    end(page)
