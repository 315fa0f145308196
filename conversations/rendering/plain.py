"""Text without marks: for titles, snippets, notifications. The results are text, not HTML."""

import re
from collections.abc import Iterable, Iterator

from markdown_it.token import Token

from conversations.rendering import grammar, markdown, source
from conversations.rendering.context import Context

# A title or a snippet is made of the beginning; a data address or a paste may be long.
MAX_READ = 4_000

_BLANKS = re.compile(r"\s+")
# What would turn the words around it, or hide in a title.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def plain_text(text: str) -> str:
    """Return the words of Markdown `text` on one line, without marks. Of a long text: its beginning."""
    beginning = source.normalised(text[:MAX_READ])
    env = Context().env()
    blocks = markdown.or_none(lambda: grammar.blocks(grammar.GROWING, beginning, env), size=len(beginning))
    words = beginning if blocks is None else " ".join(_words(token for block in blocks for token in block))
    return visible(words)


def visible(text: str) -> str:
    """Return `text` on one line, without what is not seen."""
    return _BLANKS.sub(" ", _INVISIBLE.sub("", text)).strip()


def first_words(text: str, limit: int) -> str:
    """Return the first words of `text` without marks: at most `limit` characters, the cut marked by "…"."""
    words = plain_text(text)
    if len(words) <= limit:
        return words
    cut = words[: max(limit, 1)]
    head, blank, _ = cut.rpartition(" ")
    # A word that fills most of the place (or a script without blanks) is cut in the middle.
    if not blank or len(head) < limit // 2:
        head = cut[:-1]
    return head.rstrip(" ,;:.–—-") + "…"


def _words(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("fence", "code_block"):
            yield token.content
        elif token.type == "inline":
            yield "".join(_inline_words(token.children or ()))


def _inline_words(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "image":
            yield from _inline_words(token.children or ())
        elif token.type in ("softbreak", "hardbreak"):
            yield " "
        else:
            # Tokens that only open or close a mark have no content.
            yield token.content
