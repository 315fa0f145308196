import pytest

from conversations.rendering.plain import first_words, plain_text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "# How do *I* `sort`\n\na [list](https://a.b) in ![py](https://c.d)?",
            "How do I sort a list in py?",
        ),
        ("- a\n- **b**\n\n> c\n\n| d | e |\n|---|---|\n| f | g |", "a b c d e f g"),
        ("```py\nx = 1\ny = 2\n```", "x = 1 y = 2"),
        ("a\nb  \nc", "a b c"),
        ("<b>a</b> &amp; c", "<b>a</b> & c"),
        ("a\u202eb\x00\ud800\u200b", "ab\ufffd\ufffd"),
        ("", ""),
    ],
)
def test_marks_go_and_words_stay(text, words):
    assert plain_text(text) == words


@pytest.mark.parametrize(
    ("text", "limit", "words"),
    [
        ("hello world", 11, "hello world"),
        ("hello world again", 14, "hello world…"),
        ("hello, world", 8, "hello…"),
        ("a" * 50, 10, "a" * 9 + "…"),
        ("ab " + "c" * 50, 10, "ab cccccc…"),
        ("你好世界你好世界", 5, "你好世界…"),
        ("   ", 5, ""),
    ],
)
def test_the_first_words_are_cut_at_a_word(text, limit, words):
    assert first_words(text, limit) == words
    assert len(first_words(text, limit)) <= limit


def test_a_long_text_is_read_only_at_its_beginning():
    assert len(plain_text("word " * 100_000)) < 5_000
