"""security.md, line 8. The timeouts guard against hanging; what it costs is counted by the budgets."""

import pytest

from conversations.rendering.budgets import Budget
from conversations.rendering.markdown import render
from conversations.rendering.streaming import BlockStream

from .inspection import Page, inspect

pytestmark = pytest.mark.timeout(60)


def repeated(unit, size):
    return (unit * (size // len(unit) + 1))[:size]


HOSTILE = {
    "addresses": repeated("http://a.bc/x ", 160_000),
    "addresses without blanks": repeated("http://a.bc", 160_000),
    "addresses in paragraphs": repeated("http://a.bc/x\n\n", 160_000),
    "quotes": repeated(">", 200_000),
    "quoted lines": repeated("> a\n", 200_000),
    "brackets": repeated("[", 200_000),
    "brackets in paragraphs": repeated("[" * 900 + "\n\n", 200_000),
    "pictures in pictures": "![" * 5_000 + "](b)" * 5_000,
    "stars": repeated("*a ", 200_000),
    "backticks": repeated("`", 200_000),
    "list": repeated("- a\n", 200_000),
    "deep list": "".join("  " * depth + "- a\n" for depth in range(400)),
    "rules": repeated("---\n", 200_000),
    "empty lines": repeated("\n", 200_000),
    "carriage returns": repeated("a\r", 200_000),
    "table": "| a | b |\n|---|---|\n" + repeated("| x | y |\n", 200_000),
    "wide table": "|" + "a|" * 150 + "\n|" + "-|" * 150 + "\n" + repeated("|x\n", 100_000),
    "cells that are not there": "|" + "a|" * 250 + "\n|" + "-|" * 250 + "\n" + "|\n" * 300,
    "definitions": "".join(f"[a{number}]: b\n" for number in range(15_000)),
    "fences": repeated("```py\na = 1\n```\n", 200_000),
    "fence that almost closes": "```\n" + repeated("``\n", 200_000),
    "backtick line in a fence": "```\n" + repeated("`", 200_000),
    "footnotes": repeated("[^1] ", 100_000) + "\n\n[^1]: a",
    "entities": repeated("&amp;", 200_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_rendered_within_its_budget(name):
    inspect(render(HOSTILE[name]))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_is_rendered_and_nothing_of_it_is_lost(name):
    text = repeated(HOSTILE[name], 1_000_000)

    page = inspect(render(text))

    assert page.with_class("plain-text")[-1:] == ["pre"] or len(page.text) > 900_000 or not text.strip()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_may_stream_in_small_pieces(name):
    text = HOSTILE[name][:30_000]
    stream = BlockStream()

    sent = 0
    for start in range(0, len(text), 20):
        change = stream.feed(text[start : start + 20])
        sent += len(change.closed) + len(change.open_html or "") + len(change.open_append or "")

    inspect(stream.snapshot())
    # What goes to the browser is in proportion to the text, however often its end was read again.
    assert sent < 40 * len(text)


def test_what_is_too_deep_is_shown_as_written():
    page = inspect(render("before\n\n" + "> " * 50 + "deep *words*\n\nafter"))

    assert page.with_class("plain-text") == ["pre"]
    assert "deep *words*" in page.text
    assert page.tags().count("p") == 2


def test_ten_quotes_are_not_too_deep():
    assert "<em>words</em>" in render("> " * 10 + "deep *words*")


def test_marks_beyond_the_budget_are_shown_as_written():
    budget = Budget().marks
    text = "*a*\n\n" * (budget // 2 + 1)

    page = inspect(render(text[:190_000]))

    assert page.tags().count("em") <= budget // 2
    assert "*a*" in page.text


def test_addresses_beyond_the_budget_are_shown_as_written():
    page = inspect(render("https://a.b/c\n\n" * 2_000))

    assert page.tags().count("a") == Budget().addresses
    assert page.text.count("https://a.b/c") == 2_000


def test_a_table_beyond_the_budget_is_shown_as_written():
    rows = Budget().cells // 2

    page = inspect(render("| a | b |\n|---|---|\n" + "| x | y |\n" * rows))

    assert "table" not in page.tags()
    assert page.text.count("| x | y |") == rows


def test_code_beyond_the_budget_is_plain():
    block = "```py\n" + f"if {'x' * 95}:\n" * 60 + "```\n\n"

    page = inspect(render(block * 20))

    assert page.with_class("k").count("span") == 60 * (Budget().highlighted // 6_000)
    assert page.tags().count("figure") == 20


def test_a_long_text_is_cut_between_paragraphs():
    page = Page(render("*a* b c d e f g\n\n" * 20_000))

    assert page.problems == []
    assert page.with_class("plain-text") == ["pre"]
    assert page.text.count("b c d e f g") == 20_000
