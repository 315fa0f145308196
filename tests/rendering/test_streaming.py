import pytest

from conversations.rendering import grammar
from conversations.rendering.live_page import Change, LivePage, replay
from conversations.rendering.markdown import render
from conversations.rendering.streaming import BlockStream

from .inspection import inspect

ANSWER = """## A heading

A paragraph with **bold words**, `code` and [a link](https://a.b/c).

1. First
2. Second:

   ```yaml
   a: 1
   ```

```python
def f(x: int) -> str:
    return "<b>"
```

| Name | Value |
| --- | ---: |
| a | 1 |
| b | 2 |

- one
- two

The end.
"""


def fed(text, size=5, **options):
    stream = BlockStream(**options)
    return stream, [stream.feed(text[start : start + size]) for start in range(0, len(text), size)]


def visible(html):
    return inspect(html).text.split()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20, 100, 10_000])
def test_at_the_end_the_page_shows_the_same_words_as_the_whole(size):
    stream, changes = fed(ANSWER, size)

    assert visible(stream.snapshot()) == visible(render(ANSWER))
    assert stream.finish() == render(ANSWER)
    assert replay(changes) == stream.snapshot()


def test_a_closed_block_is_sent_once_and_coloured():
    _, changes = fed(ANSWER)

    closed = "".join(change.closed for change in changes)
    assert closed.count("<h2>A heading</h2>") == 1
    assert closed.count('<span class="k">def</span>') == 1
    assert closed.count("<table>") == 1


def test_an_open_block_is_not_coloured():
    stream, _ = fed("```python\ndef f(): pass\n")

    assert '<span class="k">' not in stream.snapshot()
    assert ">python<" in stream.snapshot()


def test_plain_words_are_only_appended():
    stream = BlockStream()
    stream.feed("Hello")

    assert stream.feed(" world") == Change(open_append=" world")
    assert stream.feed(" ") == Change(open_append=" ")
    assert stream.feed("again,") == Change(open_append="again,")
    assert visible(stream.snapshot()) == ["Hello", "world", "again,"]


def test_blanks_between_words_are_never_lost():
    stream = BlockStream()
    for piece in ("a *b*", " ", "c ", "*d* ", "e"):
        stream.feed(piece)

    assert inspect(stream.snapshot()).text.strip() == "a b c d e"


def test_the_text_of_a_fence_is_only_appended():
    stream = BlockStream()
    stream.feed("```py\n")

    assert stream.feed("a = 1\n\nb = [") == Change(open_append="a = 1\n\nb = [")
    assert stream.feed("*_`<b>\n") == Change(open_append="*_`<b>\n")
    assert "&lt;b&gt;" in stream.snapshot()


def test_a_fence_closes_at_its_own_kind_of_line_only():
    stream = BlockStream()
    stream.feed("  ````\n    a\n```\n~~~~\n`````x\n")

    assert "closed" not in stream.feed("``").closed
    change = stream.feed("``  \nafter")

    assert visible(change.closed) == visible(render("  ````\n    a\n```\n~~~~\n`````x\n````"))
    assert visible(change.open_html) == ["after"]


def test_a_line_that_may_become_anything_waits():
    stream = BlockStream()
    stream.feed("words\n")

    for piece in ("-", "--", " "):
        assert "h2" not in stream.snapshot()
        assert not stream.feed(piece).closed
    change = stream.feed("\n")

    assert change.closed == "<h2>words</h2>\n"


def test_half_a_row_waits_for_its_end():
    stream, _ = fed("| a | b |\n|---|---|\n| c | d")

    assert visible(stream.snapshot()) == ["a", "b", "Copy", "as", "CSV"]
    stream.feed(" |\n")
    assert visible(stream.snapshot()) == ["a", "b", "c", "d", "Copy", "as", "CSV"]


def test_a_paragraph_closes_at_its_blank_line():
    stream = BlockStream()
    stream.feed("one\n")

    assert stream.feed("\n").closed == "<p>one</p>\n"
    assert stream.snapshot() == '<p>one</p>\n<div class="open-block"></div>'


def test_a_list_goes_on_after_a_blank_line():
    stream = BlockStream()
    stream.feed("- a\n\n")

    assert stream.feed("- b\n").closed == ""
    assert stream.feed("\nc d").closed.count("<li>") == 2


def test_a_long_list_gives_up_its_finished_items():
    items = "".join(f"{number}. item **{number}** {'word ' * 20}\n" for number in range(1, 101))

    stream, changes = fed(items, 20)

    assert max(len(change.open_html or "") for change in changes) < 6_000
    assert visible(stream.snapshot()) == visible(render(items))
    assert '<ol start="2' in stream.snapshot()


def test_a_long_table_goes_on_under_its_header():
    table = "| a | b |\n|---|---|\n" + "".join(f"| {row} | {'word ' * 10} |\n" for row in range(300))

    stream, changes = fed(table, 20)
    page = inspect(stream.snapshot())

    assert max(len(change.open_html or "") for change in changes) < 20_000
    assert page.tags().count("table") > 1
    assert page.text.count("word") == 3_000
    assert stream.finish().count("<table>") == 1


def test_a_link_may_use_a_definition_of_a_closed_block():
    stream, _ = fed("[a]: https://b.c/d\n\nwords\n\nsee [a] and\n\n")

    assert 'href="https://b.c/d"' in stream.snapshot()


def test_half_a_definition_is_not_kept():
    stream = BlockStream()
    stream.feed("[a]: https://wro")
    stream.feed("ng.example\n\nsee [a]\n\n")

    assert "https://wrong.example" in stream.snapshot()


def test_a_line_end_may_come_in_two_halves():
    stream = BlockStream()
    for piece in ("a\r", "\nb\r", "c\r", "", "\n\r\n", "d"):
        stream.feed(piece)

    assert stream.snapshot().startswith("<p>a\nb\nc</p>")
    assert stream.finish() == render("a\r\nb\rc\r\n\r\nd")


def test_nothing_changes_nothing():
    stream = BlockStream()

    assert not stream.feed("")
    assert not stream.feed("\r")
    assert stream.snapshot() == '<div class="open-block"></div>'
    assert stream.finish() == ""


def test_a_text_that_costs_too_much_is_shown_as_written_until_its_block_ends():
    stream, changes = fed("[" * 2_000 + "\n\n" + "plain *words* at last", 20)

    raw = inspect(stream.snapshot()).text
    assert raw.count("[") == 2_000
    assert sum(change.open_html is not None for change in changes) < 60


def test_a_huge_piece_at_once_is_taken_in_parts():
    stream = BlockStream()
    change = stream.feed("word *and* more\n\n" * 3_000)

    assert change.closed.count("<p>") == 3_000
    assert visible(stream.snapshot())[:3] == ["word", "and", "more"]


def test_pictures_of_ours_have_the_address_that_was_asked_for():
    uuid = "0191b7f0-1111-2222-3333-444455556666"
    stream, _ = fed(f"![a](attachment:{uuid})\n\nb", attachment_url="/shared/{}")

    assert f'src="/shared/{uuid}"' in stream.snapshot()
    assert f'src="/shared/{uuid}"' in stream.finish()


def test_a_library_that_trips_leaves_the_open_block_plain(monkeypatch):
    def trip(*args):
        raise IndexError

    monkeypatch.setattr(grammar.GROWING, "parse", trip)
    stream, _ = fed("*a* <b>\n\nc")

    assert inspect(stream.snapshot()).text.split() == ["*a*", "<b>", "c"]


def test_a_page_is_what_its_changes_made_of_it():
    page = LivePage()
    page.apply(Change(open_html='<p>a<span class="open-text"></span></p>'))
    page.apply(Change(open_append=" <b>"))
    page.apply(Change(open_append="c"))

    assert page.html() == ('<div class="open-block"><p>a<span class="open-text"> &lt;b&gt;c</span></p></div>')
