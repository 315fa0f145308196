"""The Markdown that is read: CommonMark, tables, strikethrough, tasks, footnotes, bare addresses. No HTML.

markdown-it does the work; here its rules get the budgets of the text, which travel in the `env` of a parse.
"""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, linkify
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from conversations.rendering import context
from conversations.rendering.addresses import is_link, is_readable
from conversations.rendering.budgets import MAX_NESTING
from conversations.rendering.context import Env
from conversations.rendering.elements import SlottedRenderer

_DELIMITER_ROW = re.compile(r"[ \t]*[-:|][-:| \t]*")
# A data address is not shown, and would spend the budget of its paragraph.
_LONG_DATA = re.compile(r"\(\s{0,9}(data:image/)[^\s)]{200,}")


def _parse_inlines(state: StateCore) -> None:
    """Read the marks of each paragraph while the budget lasts; beyond it a paragraph stays as written."""
    rendering = context.of(state.env)
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = [Token("text", "", 0, content=token.content)]
        text = _LONG_DATA.sub(r"(\1", token.content)
        if not rendering.budget.take_marks(text):
            continue
        rendering.linkifies = rendering.budget.take_addresses(text)
        children: list[Token] = []
        state.md.inline.parse(text, state.md, state.env, children)
        token.children = children


def _linkify_within_budget(state: StateInline, silent: bool) -> bool:
    return context.of(state.env).linkifies and linkify(state, silent)


def _table_within_budget(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a table unless it has more cells than are left: a row of two characters may fill up a thousand."""
    if start_line + 2 > end_line:
        return False
    delimiters = state.src[state.bMarks[start_line + 1] : state.eMarks[start_line + 1]]
    if not _DELIMITER_ROW.fullmatch(delimiters) or not table(state, start_line, end_line, True):
        return False
    if silent:
        return True
    budget = context.of(state.env).budget
    columns = delimiters.count("|") + 1
    most_rows = budget.cells // columns + 1
    rows = 1
    while rows <= most_rows and start_line + rows < end_line and not state.isEmpty(start_line + rows):
        rows += 1
    return budget.take_cells(rows * columns) and table(state, start_line, end_line, False)


def _drop_unsafe_links(state: StateCore) -> None:
    """Keep of a link to `attachment:` or `data:` only its words: those addresses are for pictures.

    Also tells pictures that they stand in a link, where their card must not be a second link.
    """
    for token in state.tokens:
        open_links: list[bool] = []
        for child in token.children or ():
            if child.type == "link_open":
                open_links.append(is_link(str(child.attrGet("href") or "")))
                if not open_links[-1]:
                    child.type = "text"
            elif child.type == "link_close" and not open_links.pop():
                child.type = "text"
            elif child.type == "image":
                child.meta["in_link"] = any(open_links)


def _build(*, footnotes: bool) -> MarkdownIt:
    parser = MarkdownIt(
        "gfm-like",
        {"html": False, "linkify": True, "tasklists": True, "maxNesting": MAX_NESTING},
        renderer_cls=SlottedRenderer,
    )
    # The core rule is the fuzzy one: it makes addresses of README.md and utils.py. The inline one wants "://".
    parser.core.ruler.disable("linkify")
    parser.inline.ruler.at("linkify", _linkify_within_budget)
    parser.core.ruler.at("inline", _parse_inlines)
    parser.core.ruler.push("drop_unsafe_links", _drop_unsafe_links)
    parser.block.ruler.at("table", _table_within_budget, {"alt": ["paragraph", "reference"]})
    parser.validateLink = is_readable  # type: ignore[method-assign, assignment]
    if footnotes:
        # Its render rules carry ids; ours come back over them.
        own_rules = dict(SlottedRenderer(parser).rules)
        footnote_plugin(parser, inline=False)
        parser.renderer.rules.update(own_rules)  # type: ignore[attr-defined]
    # The rulers compile themselves at their first use, which two threads must not do at the same time.
    parser.parse("a *b* http://c", context.Context().env())
    return parser


WHOLE = _build(footnotes=True)
# The note of a footnote may come much later: while a text grows its marks stay text.
GROWING = _build(footnotes=False)


def blocks(parser: MarkdownIt, text: str, env: Env) -> list[list[Token]]:
    """Return the tokens of each block of the outermost level."""
    found: list[list[Token]] = []
    block: list[Token] = []
    depth = 0
    # Not by token.level: footnotes begin at level 0 wherever they stand.
    for token in parser.parse(text, env):
        block.append(token)
        depth += token.nesting
        if depth == 0:
            found.append(block)
            block = []
    return found


def is_too_deep(block: Sequence[Token]) -> bool:
    """Tell whether markdown-it may have dropped what lies below its deepest level."""
    return any(token.level >= MAX_NESTING - 1 and token.nesting == 1 for token in block)
