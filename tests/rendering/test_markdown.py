import logging

import pytest
from django.utils.safestring import SafeString

from conversations.rendering import grammar
from conversations.rendering.markdown import render

from .inspection import inspect

UUID = "0191b7f0-1111-2222-3333-444455556666"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("a *b* **c** ~~d~~ `e`", "<p>a <em>b</em> <strong>c</strong> <s>d</s> <code>e</code></p>\n"),
        ("# a\n\n###### b", "<h1>a</h1>\n<h6>b</h6>\n"),
        ("a  \nb\nc", "<p>a<br>\nb\nc</p>\n"),
        ("---", "<hr>\n"),
        ("> a\n> > b", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>\n"),
        ("- a\n  - b", "<ul><li>a<ul><li>b</li>\n</ul>\n</li>\n</ul>\n"),
        ("7. a\n8. b", '<ol start="7"><li>a</li>\n<li>b</li>\n</ol>\n'),
        ("1 < 2 & <b>c</b>", "<p>1 &lt; 2 &amp; &lt;b&gt;c&lt;/b&gt;</p>\n"),
        ("about ~5 or ~6", "<p>about ~5 or ~6</p>\n"),
        ("a\r\nb\rc", "<p>a\nb\nc</p>\n"),
    ],
)
def test_markdown_becomes_html(text, html):
    assert render(text) == html


def test_the_result_is_safe_for_a_template():
    assert isinstance(render("a"), SafeString)


def test_a_link_opens_elsewhere_and_tells_nothing():
    html = render('[a](https://b.c/d?e=1&f "g")')

    assert html == (
        '<p><a href="https://b.c/d?e=1&amp;f" title="g" target="_blank" referrerpolicy="no-referrer"'
        ' rel="noopener noreferrer nofollow">a</a></p>\n'
    )


def test_the_same_text_gives_the_same_html():
    text = '[a](https://b.c "d") ![e](https://f.g) ' * 5

    assert len({render(text) for _ in range(30)}) == 1


def test_bare_addresses_become_links_and_file_names_do_not():
    page = inspect(render("see https://a.b/c_d_e, or README.md and utils.py (http://f.g/h)."))

    assert [attributes["href"] for tag, attributes in page.elements if tag == "a"] == [
        "https://a.b/c_d_e",
        "http://f.g/h",
    ]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "/logout", "//a.b", "https:logout", "ftp://a.b"])
def test_other_addresses_stay_text(address):
    page = inspect(render(f"[a]({address})"))

    assert "a" not in page.tags()
    assert page.text.strip() == f"[a]({address})"


def test_a_foreign_picture_is_a_card_that_names_its_host():
    page = inspect(render("![a cat](https://pics.example/cat.png?me=1)"))

    assert "img" not in page.tags()
    assert page.with_class("foreign-image") == ["a"]
    assert page.text.split() == ["a", "cat", "pics.example"]


def test_the_card_names_the_host_that_would_be_asked():
    assert "evil.example" in inspect(render("![](https://good.example@evil.example/a)")).text
    assert "xn--" in inspect(render("![](https://ex\u0430mple.com/a)")).text


def test_a_foreign_picture_in_a_link_makes_no_link_in_a_link():
    page = inspect(render("[![a](https://b.c/d.png)](https://e.f)"))

    assert page.with_class("foreign-image") == ["span"]
    assert page.tags().count("a") == 1


def test_a_picture_of_ours_is_shown_from_our_address():
    assert render(f'![a "cat"](attachment:{UUID.upper()})') == (
        f'<p><img class="answer-image" src="/attachments/{UUID}/" alt="a &quot;cat&quot;"'
        ' loading="lazy"></p>\n'
    )
    assert f'src="/shared/x/{UUID}"' in render(f"![](attachment:{UUID})", attachment_url="/shared/x/{}")


@pytest.mark.parametrize("address", ["attachment:1", f"attachment:{UUID}/..", "data:image/png;base64,AAAA"])
def test_any_other_picture_is_a_short_note(address):
    assert render(f"![a cat]({address})") == "<p>a cat [picture]</p>\n"


def test_a_long_data_picture_does_not_spoil_its_paragraph():
    html = render(f"*a* ![b](data:image/png;base64,{'A' * 100_000}) *c*")

    assert html == "<p><em>a</em> b [picture] <em>c</em></p>\n"


def test_code_has_its_language_and_buttons():
    page = inspect(render("```py\nprint(1)\n```"))

    assert page.text == "pythonWrapCopyprint(1)\n"
    actions = [attributes["data-action"] for tag, attributes in page.elements if tag == "button"]
    assert actions == ["wrap-code", "copy-code"]


def test_code_inside_a_list_is_the_same_box():
    html = render("1. a\n\n   ```\n   b\n   ```\n2. c")

    assert inspect(html).tags()[:4] == ["ol", "li", "p", "figure"]
    assert "<code>b\n</code>" in html


def test_a_table_scrolls_in_its_box_and_can_be_copied():
    page = inspect(render("| a | b |\n|:-:|--:|\n| 1 | *2* |"))

    assert page.tags()[:3] == ["div", "div", "table"]
    assert page.with_class("align-right") == ["th", "td"]
    assert page.with_class("table-copy") == ["button"]


def test_tasks_are_signs_and_not_form_parts():
    page = inspect(render("- [x] a\n- [ ] b\n- c"))

    labels = [attributes["aria-label"] for _, attributes in page.elements if "aria-label" in attributes]
    assert labels == ["Done", "Not done"]
    assert "input" not in page.tags()


def test_footnotes_come_at_the_end_without_ids():
    page = inspect(render("a[^1] b[^x]\n\n[^x]: *two*\n[^1]: one\n\nc"))

    assert page.text.split() == ["a[1]", "b[2]", "c", "one", "two"]


def test_a_text_without_a_readable_character_is_shown():
    assert inspect(render("\ud800\x00")).text == "\ufffd\ufffd\n"


def test_a_library_that_trips_leaves_the_text_plain(monkeypatch, caplog):
    def trip(*args):
        raise ValueError("secret words")

    monkeypatch.setattr(grammar.WHOLE, "parse", trip)

    with caplog.at_level(logging.ERROR):
        page = inspect(render("*secret* <words>"))

    assert page.text.strip() == "*secret* <words>"
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text
