"""Tokens -> HTML. What is ours (buttons, pictures, boxes) goes into slots, never into the HTML itself."""

from collections.abc import Sequence

from django.utils.html import escape
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from conversations.rendering import components, context, highlighting
from conversations.rendering.addresses import attachment_id, web_host
from conversations.rendering.context import Env

# The type of the token, and the key in a token's meta, that marks where the text of a growing block goes on.
OPEN_TEXT = "open_text"


class SlottedRenderer(RendererHTML):
    """Renders the tokens of `grammar`. Each method is named for the type of token that it renders."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return _code(tokens[idx], highlighting.language_of(tokens[idx].info), env)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return _code(tokens[idx], highlighting.PLAIN, env)

    def open_text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return context.of(env).slots.put(components.OPEN_TEXT)

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        tokens[idx].attrSet("target", components.LINK_TARGET)
        tokens[idx].attrSet("referrerpolicy", components.LINK_REFERRER)
        return self.renderToken(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        token = tokens[idx]
        alt = self.renderInlineAsText(token.children, options, env)
        return context.of(env).slots.put(_picture(token, alt, context.of(env).attachment_url))

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return context.of(env).slots.put(components.TABLE_START) + "<table>"

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return "</table>" + context.of(env).slots.put(components.TABLE_END)

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return _cell("th", tokens[idx])

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return _cell("td", tokens[idx])

    def bullet_list_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        # The only class that the grammar sets on a list is that of tasks.
        return '<ul class="task-list">' if tokens[idx].attrGet("class") else "<ul>"

    def ordered_list_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        start = tokens[idx].attrGet("start")
        class_ = ' class="task-list"' if tokens[idx].attrGet("class") else ""
        return f"<ol{class_}>" if start is None else f'<ol{class_} start="{int(start)}">'

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        if "checked" not in tokens[idx].meta:
            return "<li>"
        return '<li class="task-item">' + context.of(env).slots.put(
            components.task_mark(is_done=bool(tokens[idx].meta["checked"]))
        )

    def footnote_ref(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        # Without ids there is nowhere to jump to: the number is all.
        return f'<sup class="footnote-mark">[{int(tokens[idx].meta["id"]) + 1}]</sup>'

    def footnote_block_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return '<section class="footnotes"><ol>'

    def footnote_block_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return "</ol></section>"

    def footnote_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return "<li>"

    def footnote_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return "</li>"

    def footnote_anchor(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Env) -> str:
        return ""


def _code(token: Token, language: highlighting.Language, env: Env) -> str:
    rendering = context.of(env)
    coloured = rendering.highlights and language.lexer and rendering.budget.take_highlighting(token.content)
    code_html = highlighting.highlight(token.content, language) if coloured else escape(token.content)
    if OPEN_TEXT in token.meta:
        code_html += components.OPEN_TEXT
    return rendering.slots.put(components.code_figure(language=language.name, code_html=code_html))


def _picture(token: Token, alt: str, attachment_url: str) -> str:
    address = str(token.attrGet("src") or "")
    if attachment := attachment_id(address):
        return components.answer_image(attachment, alt=alt, attachment_url=attachment_url)
    host = web_host(address)
    if host is None:
        return components.picture_note(alt)
    if token.meta.get("in_link"):
        return components.foreign_image_in_link(host=host, alt=alt)
    return components.foreign_image(address, host=host, alt=alt)


def _cell(tag: str, token: Token) -> str:
    # The grammar says `style="text-align:right"`; the page's policy allows no style.
    _, _, alignment = str(token.attrGet("style") or "").partition(":")
    return f'<{tag} class="align-{alignment}">' if alignment else f"<{tag}>"
