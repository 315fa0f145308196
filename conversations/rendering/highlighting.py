"""Colours for code: CSS classes from Pygments, by the lexers that `lexers` lists.

A regular expression holds the interpreter's lock while it runs, so a lexer is listed only if no single step
of it took long on hostile code. All steps together have a limit here: most lexers are quadratic in something.
"""

import re
import time
from dataclasses import dataclass
from functools import cache

from django.utils.html import escape
from markdown_it.common.utils import unescapeAll
from pygments.lexer import Lexer
from pygments.token import Token, _TokenType

from conversations.rendering.lexers import LEXERS, lexer_for

MAX_CODE = 20_000
MAX_LINE = 2_000
# CPU time of this thread: a busy machine does not change what is coloured. Honest code of 20 KB takes 60 ms.
MAX_SECONDS = 0.2

_LANGUAGE = re.compile(r"\{?\.?([\w+#.\-]{1,30})")
_LONG_LINE = re.compile(rf"[^\n]{{{MAX_LINE}}}")

# Pygments knows 80 kinds; these are told apart. A kind that is missing takes after its parent.
CLASSES: dict[_TokenType, str] = {
    Token: "",
    Token.Keyword: "k",
    Token.Keyword.Constant: "kc",
    Token.Keyword.Type: "kt",
    Token.Operator.Word: "k",
    Token.Name.Attribute: "na",
    Token.Name.Builtin: "nb",
    Token.Name.Class: "nc",
    Token.Name.Constant: "kc",
    Token.Name.Decorator: "nd",
    Token.Name.Exception: "nc",
    Token.Name.Function: "nf",
    Token.Name.Tag: "nt",
    Token.Name.Variable: "nv",
    Token.Literal.String: "s",
    Token.Literal.String.Doc: "c",
    Token.Literal.String.Escape: "se",
    Token.Literal.String.Interpol: "se",
    Token.Literal.String.Regex: "sr",
    Token.Literal.Number: "m",
    Token.Literal.Date: "m",
    Token.Comment: "c",
    Token.Comment.Preproc: "cp",
    Token.Comment.PreprocFile: "s",
    Token.Generic.Deleted: "gd",
    Token.Generic.Inserted: "gi",
    Token.Generic.Heading: "gh",
    Token.Generic.Subheading: "gh",
    Token.Generic.Prompt: "gp",
    Token.Generic.Output: "go",
    Token.Generic.Traceback: "gd",
    Token.Generic.Error: "gd",
    Token.Generic.Strong: "gs",
    Token.Generic.Emph: "ge",
}


@dataclass(frozen=True, slots=True)
class Language:
    """What the info string of a fence says: the name that is shown, and the lexer if there is a fit one."""

    name: str
    lexer: str | None = None


PLAIN = Language("text")


def language_of(info: str) -> Language:
    """Read the info string of a fence: "py title=x" is Python. Only letters, digits and +#.-_ get through."""
    match = _LANGUAGE.match(unescapeAll(info).strip())
    if not match:
        return PLAIN
    word = match[1].lower()
    lexer = LEXERS.get(word)
    return Language(lexer or word, lexer)


def highlight(code: str, language: Language) -> str:
    """Return `code` as escaped HTML, coloured if its lexer does that in time."""
    if language.lexer and len(code) <= MAX_CODE and not _LONG_LINE.search(code):
        coloured = _coloured(code, lexer_for(language.lexer))
        if coloured is not None:
            return coloured
    return escape(code)


def _coloured(code: str, lexer: Lexer) -> str | None:
    deadline = time.thread_time() + MAX_SECONDS
    pieces: list[str] = []
    run: list[str] = []
    run_class = ""
    # Not get_tokens(): it strips the first and last blank lines and expands tabs, and people copy code.
    for _, kind, value in lexer.get_tokens_unprocessed(code):
        if time.thread_time() > deadline:
            return None
        kind_class = _class_of(kind)
        if kind_class != run_class:
            pieces.append(_span(run_class, "".join(run)))
            run, run_class = [], kind_class
        run.append(value)
    pieces.append(_span(run_class, "".join(run)))
    return "".join(pieces)


def _span(class_: str, text: str) -> str:
    if not text or not class_:
        return escape(text)
    return f'<span class="{class_}">{escape(text)}</span>'


@cache
def _class_of(kind: _TokenType) -> str:
    while kind not in CLASSES and kind.parent:
        kind = kind.parent
    return CLASSES.get(kind, "")
