import re
from pathlib import Path

import pytest

from conversations.rendering import highlighting
from conversations.rendering.highlighting import CLASSES, PLAIN, highlight, language_of
from conversations.rendering.lexers import LEXERS

from .inspection import inspect

_CSS = (Path(__file__).parents[2] / "static/css/code.css").read_text(encoding="utf-8")


def test_code_is_coloured_by_classes_and_never_by_styles():
    html = highlight('def f():\n    return "<b>"\n', language_of("python"))

    assert '<span class="k">def</span> <span class="nf">f</span>' in html
    assert "&lt;b&gt;" in html
    assert "style" not in html


@pytest.mark.parametrize("name", sorted(set(LEXERS.values())))
def test_every_language_gives_back_the_code_that_it_was_given(name):
    code = "\n\n\t# a \"b\" <c>\n// d\n/* e */ f(1, 'g') { h: 2.5 }\r\n<!-- i -->\nj = k && l;  \n\n"

    assert inspect(highlight(code, language_of(name)).replace("\r", "")).text == code.replace("\r", "")


@pytest.mark.parametrize(
    ("info", "name", "lexer"),
    [
        ("python", "python", "python"),
        ("py title=x", "python", "python"),
        ("Python3", "python", "python"),
        ("{.python}", "python", "python"),
        ("c++", "cpp", "cpp"),
        ("brainfuck", "brainfuck", None),
        ("", "text", None),
        ('"><script>', "text", None),
        ("&quot;&gt;", "text", None),
        ("x" * 50, "x" * 30, None),
    ],
)
def test_the_info_string_names_the_language(info, name, lexer):
    assert language_of(info) == highlighting.Language(name, lexer)


def test_long_code_and_long_lines_are_plain():
    python = language_of("python")

    assert "<span" in highlight("if x:\n" * 2_000, python)
    assert "<span" not in highlight("if x:\n" * 4_000, python)
    assert "<span" not in highlight("if x: " * 1_000, python)
    assert "<span" not in highlight("if x:\n", PLAIN)


def test_code_that_takes_too_long_is_plain(monkeypatch):
    monkeypatch.setattr(highlighting, "MAX_SECONDS", 0)

    assert highlight("if <x>:\n", language_of("python")) == "if &lt;x&gt;:\n"


def test_every_class_has_a_colour_and_every_colour_a_class():
    styled = set(re.findall(r"\.code \.(\w+)", _CSS))

    assert styled == set(CLASSES.values()) - {""}


def test_every_colour_can_be_read_in_light_and_in_dark():
    blocks = re.findall(r"\{([^{}]*--code-background[^{}]*)\}", _CSS)
    palettes = [dict(re.findall(r"--code-([\w-]+): (#\w{6})", block)) for block in blocks]
    light, dark, dark_by_choice = palettes

    assert dark == dark_by_choice
    assert light.keys() == dark.keys()
    for palette in (light, dark):
        background = palette.pop("background")
        for name, colour in palette.items():
            assert _contrast(colour, background) >= 4.5, name


def test_the_colours_are_small_and_bring_no_background():
    assert len(_CSS) < 6_000
    assert "background:" not in _CSS.replace("--code-background:", "")
    assert "url(" not in _CSS


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
