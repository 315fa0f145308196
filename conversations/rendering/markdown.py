"""A whole text -> safe HTML.

The order is the safety: markdown-it makes tokens, our renderer makes HTML of them with slots where our own
buttons and pictures belong, nh3 lets only its allow-list through, and then the slots are filled. What a text
says is never on the trusted side of that line.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from conversations.rendering import components, context, grammar, sanitising, source
from conversations.rendering.context import ATTACHMENT_URL, Context, Env

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# Stored beside stored HTML: raise it when the same text becomes other HTML, and old pages are rendered anew.
VERSION = 1


def render(text: str, *, attachment_url: str = ATTACHMENT_URL) -> SafeString:
    """Return the HTML of `text`, for inside an element of class "prose". Never raises for what a text says.

    `attachment_url` is the address of a picture of ours, with {} for its id.
    """
    rendering = Context(attachment_url=attachment_url)
    html = render_within_budget(source.normalised(text), grammar.WHOLE, rendering, rendering.env())
    return mark_safe(html)  # noqa: S308 - made of sanitised and escaped parts only


def render_within_budget(text: str, parser: MarkdownIt, rendering: Context, env: Env) -> str:
    """Return the HTML of normalised `text`; what is over the budget of `rendering` is shown plain."""
    end = rendering.budget.take_text(text)
    readable = text[:end]
    html = or_none(lambda: _blocks_html(readable, parser, env), size=end)
    if html is None:
        return components.plain_text(text)
    return html + components.plain_text(text[end:])


def or_none(read: Callable[[], _T], *, size: int) -> _T | None:
    """Return what `read` returns, or None if a library trips over the text."""
    try:
        return read()
    # No text may keep an answer from being shown, and which errors three parsers know is theirs to say. An
    # error's own words may quote the text: they stay out of the log.
    except Exception as error:  # noqa: BLE001 - see above
        logger.error("Markdown of %d characters is shown plain: %s", size, type(error).__name__)
        return None


def _blocks_html(text: str, parser: MarkdownIt, env: Env) -> str:
    blocks = grammar.blocks(parser, text, env)
    return "".join(block_html(block, parser, env, text=text) for block in blocks)


def block_html(block: Sequence[Token], parser: MarkdownIt, env: Env, *, text: str) -> str:
    """Return the HTML of one outermost block of `text`."""
    if grammar.is_too_deep(block):
        first, last = block[0].map or (0, text.count("\n") + 1)
        return components.plain_text("\n".join(text.split("\n")[first:last]))
    html: str = parser.renderer.render(block, parser.options, env)
    # An entity may have made a lone CR, which would end a line of an event stream.
    return context.of(env).slots.fill(sanitising.clean(html)).replace("\r", " ")
