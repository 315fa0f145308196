"""What the tokens of a growing text tell: which lines are final, and how the open block looks meanwhile."""

from collections.abc import Sequence

from markdown_it.token import Token

from conversations.rendering import grammar, markdown
from conversations.rendering.context import Env
from conversations.rendering.elements import OPEN_TEXT
from conversations.rendering.tail import Tail

# A longer list or table gives up its finished items or rows, so that what is left stays cheap to read again.
LONG_LIST = 2_000
LONG_TABLE = 4_000
# What is left of a table begins with its header again; a wide one would multiply the work.
MAX_REPEATED_HEADER = 400


def lines_that_are_final(block: Sequence[Token], lines: Sequence[str], tail: Tail) -> int:
    """Return up to which line a text is final that ends with `block`, whatever comes.

    The last of `lines` may be incomplete.
    """
    first, last = block[0].map or (0, 0)
    complete = len(lines) - 1
    kind = block[0].type
    if kind in ("heading_open", "hr") and last <= complete:
        return last
    ends_with_blank_line = last < complete and not lines[last].strip()
    if kind in ("paragraph_open", "blockquote_open", "table_open") and ends_with_blank_line:
        return last
    if kind in ("bullet_list_open", "ordered_list_open") and tail.is_longer_than(LONG_LIST):
        return _line_of_last(block, "list_item_open")
    if kind == "table_open" and tail.is_longer_than(LONG_TABLE):
        row = _line_of_last(block, "tr_open")
        header = len(lines[first]) + len(lines[first + 1])
        return row if row > first + 2 and header <= MAX_REPEATED_HEADER else first
    return first


def header_to_repeat(block: Sequence[Token], final: int, text: str) -> str:
    """Return the two lines that make a table of its rows, if a table is cut at line `final`."""
    first, last = block[0].map or (0, 0)
    if block[0].type != "table_open" or not first < final < last:
        return ""
    return "".join(line + "\n" for line in text.split("\n")[first : first + 2])


def open_block_html(block: Sequence[Token], env: Env, *, text: str) -> str:
    """Return the HTML of `block` with the place marked where its text goes on, if it has one."""
    for token in reversed(block):
        if token.type == "inline":
            token.children = [*(token.children or ()), Token(OPEN_TEXT, "", 0)]
            break
        if token.type in ("fence", "code_block"):
            token.meta[OPEN_TEXT] = True
            break
    return markdown.block_html(block, grammar.GROWING, env, text=text)


def _line_of_last(block: Sequence[Token], kind: str) -> int:
    """Return the line on which the last outermost item or row of `block` begins."""
    level = min(token.level for token in block if token.type == kind)
    starts = [token.map[0] for token in block if token.type == kind and token.level == level and token.map]
    return starts[-1]
