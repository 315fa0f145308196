"""Tool calls on the page: chosen, seen, and allowed."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.driving import ask, wait_for_state

FOUR = ["current_time", "math_calculator", "random_generator", "system_info"]
QUESTION = (
    "Do these at once: the current time, system information, calculate 123.5 + 456.7, "
    "and 3 random numbers between 1 and 100."
)


def choose(page: Page, names: list[str]) -> None:
    page.locator("#composer").get_by_label("Tools").first.click()
    for name in names:
        page.get_by_role("checkbox", name=name).check()
    page.keyboard.press("Escape")


@pytest.mark.parametrize("model", ["practice-chat", "practice-responses-tools"])
def test_four_tools_are_four_cards_and_survive_a_reload(page: Page, model: str) -> None:
    choose(page, FOUR)

    ask(page, QUESTION, model)

    wait_for_state(page, "succeeded")
    cards = page.locator("details.tool")
    expect(cards).to_have_count(4)
    expect(page.locator('details.tool[data-state="succeeded"]')).to_have_count(4)
    page.reload()
    expect(cards).to_have_count(4)
    calculator = page.locator("details.tool", has_text="math_calculator").first
    calculator.locator("summary").click()
    expect(calculator).to_contain_text("580.2")


def test_the_choice_of_tools_stays_with_the_conversation(page: Page) -> None:
    choose(page, ["current_time"])
    ask(page, "What time is it?")
    wait_for_state(page, "succeeded")

    page.reload()

    page.locator("#composer").get_by_label("Tools").first.click()
    expect(page.get_by_role("checkbox", name="current_time")).to_be_checked()
    expect(page.get_by_role("checkbox", name="system_info")).not_to_be_checked()


def test_rounds_stay_in_order_and_the_page_passes_axe(page: Page) -> None:
    choose(page, FOUR)

    ask(page, "2 rounds", "practice-rounds")

    wait_for_state(page, "succeeded")
    expect(page.locator("details.tool")).to_have_count(4)
    violations = Axe().run(page).response["violations"]
    assert [(found["id"], found["nodes"][0]["html"][:120]) for found in violations] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_pass_axe(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    ask(page, "Everything in Markdown, please", "practice-thinking")
    wait_for_state(page, "succeeded")

    for address in (re.sub(r"(https?://[^/]+).*", r"\1/", page.url), page.url):
        page.goto(address)
        violations = Axe().run(page).response["violations"]
        assert [(found["id"], found["nodes"][0]["html"][:120]) for found in violations] == []
