"""A slash calls a prompt, an at-sign asks somebody once: by the keyboard alone, and by touch."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.driving import sign_in, wait_for_state
from tests.site import Site


def message(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def options(page: Page) -> Locator:
    return page.get_by_role("listbox").get_by_role("option")


def marked(page: Page) -> Locator:
    """The option that the text says is the active one."""
    return page.locator(f"#{message(page).get_attribute('aria-activedescendant')}")


def make_prompt(page: Page, site: Site, name: str, text: str) -> None:
    page.goto(f"{site.url}/prompts/new/")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Text").fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


@pytest.fixture(scope="module")
def shelves(browser: Browser, site: Site) -> None:
    """Two prompts and an assistant, made as a person would."""
    page = browser.new_page()
    sign_in(page, site)
    make_prompt(page, site, "Letter", "Dear {{name}},\nabout {{subject}}: {{name}}!")
    make_prompt(page, site, "List of ideas", "Ten ideas, please.")
    page.goto(f"{site.url}/assistants/new/")
    page.get_by_role("textbox", name="Name").fill("Reviewer")
    page.get_by_role("textbox", name="Instructions").fill("Find the flaws.")
    page.get_by_role("combobox", name="Model").select_option("practice-stream")
    page.get_by_role("textbox", name="Questions to begin with").fill("What is wrong here?")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Reviewer")).to_be_visible()
    page.context.close()


@pytest.fixture
def no_draft(site: Site, shelves: None) -> None:
    """The empty page has no draft: a page that was left a moment ago may still have sent its own."""
    connection = site.database()
    with connection:
        connection.execute("DELETE FROM conversations_draft WHERE conversation_id IS NULL")
    connection.close()


@pytest.fixture
def empty(page: Page, site: Site, no_draft: None) -> Page:
    page.goto(f"{site.url}/")
    return page


def test_a_slash_at_the_start_of_a_line_calls_a_prompt_and_asks_for_its_variables(empty: Page) -> None:
    page = empty
    message(page).press_sequentially("Hello\n".replace("\n", ""))
    message(page).press("Shift+Enter")
    message(page).press_sequentially("/")

    expect(options(page)).to_have_count(2)
    expect(marked(page)).to_contain_text("Letter")
    expect(page.get_by_role("status", name="Suggestions")).to_have_text("2 prompts")
    message(page).press("ArrowDown")
    expect(marked(page)).to_contain_text("List of ideas")
    message(page).press("ArrowDown")
    message(page).press_sequentially("let")
    expect(options(page)).to_have_count(1)
    message(page).press("Enter")

    dialog = page.get_by_role("dialog", name="Letter")
    expect(dialog.get_by_role("textbox", name="name")).to_be_focused()
    page.keyboard.type("Ada")
    page.keyboard.press("Tab")
    page.keyboard.type("sums")
    page.keyboard.press("Enter")
    expect(message(page)).to_have_value("Hello\nDear Ada,\nabout sums: Ada!")
    expect(message(page)).to_be_focused()
    expect(dialog).to_be_hidden()


def test_tab_takes_a_prompt_without_variables_at_once(empty: Page) -> None:
    message(empty).press_sequentially("/list of")
    expect(options(empty)).to_have_count(1)

    message(empty).press("Tab")

    expect(message(empty)).to_have_value("Ten ideas, please.")
    expect(message(empty)).to_be_focused()


def test_esc_closes_the_list_and_leaves_the_sign_and_a_sign_inside_a_line_opens_none(empty: Page) -> None:
    page = empty
    message(page).press_sequentially("/")
    expect(options(page)).to_have_count(2)

    message(page).press("Escape")
    expect(options(page)).to_have_count(0)
    expect(message(page)).not_to_have_attribute("aria-activedescendant", re.compile(".*"))
    message(page).press_sequentially("l")
    page.wait_for_timeout(300)
    expect(options(page)).to_have_count(0)
    message(page).fill("")
    message(page).press_sequentially("either/or, me@example.com")
    page.wait_for_timeout(300)
    expect(options(page)).to_have_count(0)


def test_an_at_sign_asks_an_assistant_once_and_the_conversation_goes_on_as_before(empty: Page) -> None:
    page = empty
    page.get_by_role("combobox", name="Model").select_option("practice-chat")
    message(page).press_sequentially("Look at this @rev")
    expect(options(page)).to_have_count(1)
    message(page).press("Enter")

    expect(message(page)).to_have_value("Look at this ")
    chip = page.get_by_role("button", name="Ask Reviewer no more")
    with page.expect_response(lambda answer: answer.url.endswith("/draft/")):
        expect(chip).to_be_visible()
    page.reload()
    expect(chip).to_be_visible()
    expect(message(page)).to_have_value(re.compile("Look at this"))
    message(page).press("Enter")

    wait_for_state(page, "succeeded")
    expect(chip).to_be_hidden()
    expect(page.get_by_role("article", name="practice-stream")).to_have_count(1)
    answer = page.locator("article.answer").last
    answer.locator("summary[aria-label=Info]").click()
    expect(answer.locator(".info")).to_contain_text("Asked once")
    expect(answer.locator(".info")).to_contain_text("Reviewer")
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Model")).to_have_value("practice-chat")
    message(page).fill("And now?")
    message(page).press("Enter")
    expect(page.get_by_role("article", name="practice-chat")).to_have_count(1)
    wait_for_state(page, "succeeded")


def test_a_model_is_asked_by_a_click_and_the_chip_goes_by_its_button(empty: Page) -> None:
    page = empty
    message(page).press_sequentially("Hi @stream")
    # Before others that only hold the word, practice-401-upstream.
    expect(options(page).first).to_contain_text("practice-stream")
    options(page).first.click()

    expect(page.locator("[data-once-name]")).to_have_text("practice-stream")
    expect(message(page)).to_be_focused()
    page.locator("[data-action=drop-once]").click()
    expect(page.locator("[data-once]")).to_be_hidden()
    expect(page.locator("[name=ask_once]")).to_have_value("")


def test_a_conversation_begins_with_an_assistant_and_its_question(empty: Page) -> None:
    page = empty
    page.get_by_role("navigation", name="Assistants").get_by_role("link", name="Reviewer").click()

    expect(page.get_by_role("combobox", name="Model")).to_have_value("practice-stream")
    page.get_by_role("button", name="What is wrong here?").click()
    expect(message(page)).to_have_value("What is wrong here?")
    message(page).press("Enter")
    wait_for_state(page, "succeeded")
    expect(page.get_by_text("With the assistant Reviewer")).to_be_visible()
    page.get_by_role("link", name="New chat", exact=True).click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()


def test_an_assistant_that_is_gone_keeps_the_text_and_says_so(empty: Page, site: Site) -> None:
    page = empty
    message(page).press_sequentially("Hi @rev")
    options(page).first.click()
    expect(page.get_by_role("button", name="Ask Reviewer no more")).to_be_visible()
    page.evaluate("document.querySelector('[name=ask_once]').value = 'assistant:' + crypto.randomUUID()")

    message(page).press("Enter")

    expect(page.locator(".composer-errors")).to_contain_text("Whom you asked with @ is gone")
    expect(message(page)).to_have_value("Hi ")
    page.get_by_role("button", name="Ask Reviewer no more").click()
    message(page).press("Enter")
    wait_for_state(page, "succeeded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_and_the_open_list_pass_axe(empty: Page, site: Site, scheme: str) -> None:
    page = empty
    page.emulate_media(color_scheme=scheme)
    message(page).press_sequentially("/")
    expect(options(page)).to_have_count(2)
    assert Axe().run(page).response["violations"] == []
    for path in ("/prompts/", "/prompts/new/", "/assistants/", "/assistants/new/"):
        page.goto(f"{site.url}{path}")
        assert Axe().run(page).response["violations"] == []


def test_on_a_phone_a_tap_chooses_and_the_variables_fit(browser: Browser, site: Site, no_draft: None) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    page = context.new_page()
    sign_in(page, site)
    message(page).press_sequentially("/let")
    options(page).first.tap()

    dialog = page.get_by_role("dialog", name="Letter")
    dialog.get_by_role("textbox", name="name").fill("Bob")
    box = dialog.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    dialog.get_by_role("button", name="Insert").tap()
    expect(message(page)).to_have_value("Dear Bob,\nabout {{subject}}: Bob!")
    context.close()
