"""`make screenshots`: every state of the page, light and dark, wide and narrow, into docs/screenshots."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, sync_playwright

from tests.driving import (
    ARGUMENTS,
    CHROMIUM,
    ask,
    sign_in,
    wait_for_state,
    wait_for_words,
    with_models,
)
from tests.site import ROOT, Site

FOLDER = ROOT / "docs" / "screenshots"
SIZES = {1280: 800, 390: 844}
TOOLS = ["current_time", "math_calculator", "random_generator", "system_info"]
FOUR_THINGS = (
    "Please do these at once: tell the current time, system information, calculate 123.5 + 456.7, "
    "and 3 random numbers between 1 and 100."
)


def main() -> None:
    if CHROMIUM is None:
        sys.exit("Screenshots need a Chromium: apt install chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chat-screenshots-") as folder, sync_playwright() as playwright:
        site = with_models(Site(Path(folder) / "data", GATEWAY_RETRY_SCALE="0.05").start())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            picture = _picture(Path(folder) / "harbour.png")
            for width, height in SIZES.items():
                for scheme in ("light", "dark"):
                    _draw_all(browser, site, (width, height), scheme, picture)
        finally:
            browser.close()
            site.close()


def _draw_all(browser: Browser, site: Site, size: tuple[int, int], scheme: str, picture: Path) -> None:
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site.url}/")
    _shoot(page, "sign-in", scheme, width)
    sign_in(page, site)
    states: list[tuple[str, Callable[[Page], None]]] = [
        ("empty", lambda page: None),
        ("streaming", _stream),
        ("picture", lambda page: _ask_about(page, picture)),
        ("markdown", _markdown),
        ("thinking", _think),
        ("tools", _tools),
        ("error", lambda page: _fail(page, "practice-400", "failed")),
        ("interrupted", lambda page: _fail(page, "practice-cut", "interrupted")),
    ]
    for name, prepare in states:
        page.goto(f"{site.url}/")
        prepare(page)
        _shoot(page, name, scheme, width)
        if name == "streaming":
            page.get_by_role("button", name="Stop").click()
    if width > 1000:
        page.goto(f"{site.url}/admin/")
        _shoot(page, "panel", scheme, width)
    context.close()


def _stream(page: Page) -> None:
    ask(page, "Show me everything in Markdown")
    wait_for_words(page, 420)


def _ask_about(page: Page, picture: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(picture)
    page.get_by_role("button", name="Remove harbour.png").wait_for()
    ask(page, "What is in this picture?")
    wait_for_state(page, "succeeded")


def _markdown(page: Page) -> None:
    ask(page, "A table and code, please")
    wait_for_state(page, "succeeded")


def _think(page: Page) -> None:
    ask(page, "How do tides work?", "practice-thinking")
    wait_for_state(page, "succeeded")
    page.locator("details.part-thinking summary").click()


def _tools(page: Page) -> None:
    page.locator("#composer details summary", has_text="Tools").or_(page.get_by_label("Tools")).first.click()
    for name in TOOLS:
        page.get_by_role("checkbox", name=name).check()
    page.keyboard.press("Escape")
    ask(page, FOUR_THINGS)
    wait_for_state(page, "succeeded")
    page.locator("details.tool summary").nth(2).click()
    page.locator("article.question").last.scroll_into_view_if_needed()


def _fail(page: Page, model: str, state: str) -> None:
    ask(page, "What happens when the gateway says no?", model)
    wait_for_state(page, state)


def _shoot(page: Page, name: str, scheme: str, width: int) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    path = FOLDER / f"{name}-{scheme}-{width}.png"
    page.screenshot(path=path)
    # A palette is enough for a page, and a third of the bytes.
    with Image.open(path) as shot:
        small = shot.convert("RGB").quantize(128)
    small.save(path, optimize=True)


def _picture(path: Path) -> Path:
    """Paint something to ask about."""
    picture = Image.new("RGB", (640, 400), "#bfe3f5")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((470, 50, 560, 140), fill="#f7d774")
    draw.rectangle((0, 260, 640, 400), fill="#2f7fb0")
    draw.polygon([(180, 260), (420, 260), (380, 310), (220, 310)], fill="#7a4b2c")
    draw.polygon([(300, 90), (300, 250), (410, 250)], fill="#ffffff")
    picture.save(path)
    return path


if __name__ == "__main__":
    main()
