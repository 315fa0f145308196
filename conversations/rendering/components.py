"""The HTML of our own: code with its buttons, tables, pictures, tasks, plain text.

Each function escapes what it is given, and returns HTML that no allow-list sees again. They go into the
sanitised HTML through `Slots`, so nothing that a text says can imitate them.
"""

import re
import secrets
from uuid import UUID

from django.utils.html import escape

LINK_REL = "noopener noreferrer nofollow"
LINK_TARGET = "_blank"
LINK_REFERRER = "no-referrer"

# Where the text of an answer that grows is appended; see `streaming`.
OPEN_TEXT = '<span class="open-text"></span>'

_SLOT = re.compile(r"slot([0-9a-f]{32})n(\d+)e")


class Slots:
    """Places in HTML made from text that our own HTML takes after sanitising.

    A place is a word with a number that is drawn after the text was written: no text can contain it.
    """

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(16)
        self._pieces: list[str] = []

    def put(self, html: str) -> str:
        self._pieces.append(html)
        return f"slot{self._nonce}n{len(self._pieces) - 1}e"

    def fill(self, html: str) -> str:
        return _SLOT.sub(self._piece, html)

    def _piece(self, match: re.Match[str]) -> str:
        return self._pieces[int(match[2])] if match[1] == self._nonce else match[0]


def code_figure(*, language: str, code_html: str) -> str:
    """Return the box of a code block around `code_html`, which is escaped or highlighted already."""
    return code_figure_start(language) + code_html + CODE_FIGURE_END


def code_figure_start(language: str) -> str:
    return (
        '<figure class="code"><figcaption>'
        f'<span class="code-language">{escape(language)}</span>'
        '<button type="button" class="code-wrap" data-action="wrap-code" aria-pressed="false">Wrap</button>'
        '<button type="button" class="code-copy" data-action="copy-code">Copy</button>'
        # Wide code scrolls: without a tabindex the keyboard could not.
        '</figcaption><pre tabindex="0"><code>'
    )


CODE_FIGURE_END = "</code></pre></figure>"

# role="group" and not "region": two regions of the same name are two equal landmarks, which axe refuses.
TABLE_START = (
    '<div class="table-block"><div class="table-scroll" tabindex="0" role="group" aria-label="Table">'
)
TABLE_END = (
    '</div><button type="button" class="table-copy" data-action="copy-table">Copy as CSV</button></div>'
)


def task_mark(*, is_done: bool) -> str:
    """Return the box of a task. Not an input: no form part comes from a text."""
    name, label, sign = ("task-done", "Done", "☑") if is_done else ("task-open", "Not done", "☐")
    return f'<span class="task-mark {name}" role="img" aria-label="{label}">{sign}</span> '


def answer_image(attachment: UUID, *, alt: str, attachment_url: str) -> str:
    address = attachment_url.format(attachment)
    return f'<img class="answer-image" src="{escape(address)}" alt="{escape(alt)}" loading="lazy">'


def foreign_image(address: str, *, host: str, alt: str) -> str:
    """Return the card of a picture elsewhere. It names the host, and nothing loads before a click."""
    return (
        f'<a class="foreign-image" href="{escape(address)}" target="{LINK_TARGET}" rel="{LINK_REL}"'
        f' referrerpolicy="{LINK_REFERRER}">{_foreign_image_content(host, alt)}</a>'
    )


def foreign_image_in_link(*, host: str, alt: str) -> str:
    """Return the card of a picture inside a link, which cannot hold a second link."""
    return f'<span class="foreign-image">{_foreign_image_content(host, alt)}</span>'


def _foreign_image_content(host: str, alt: str) -> str:
    return (
        f'<span class="foreign-image-alt">{escape(alt or "Picture")}</span> '
        f'<span class="foreign-image-host">{escape(host)}</span>'
    )


def picture_note(alt: str) -> str:
    return escape(f"{alt} [picture]" if alt else "[picture]")


def plain_text(text: str) -> str:
    """Return `text` as it was written, for what is over a budget."""
    # A browser drops the first line break inside <pre>.
    return f'<pre class="plain-text" tabindex="0">\n{escape(text)}</pre>' if text.strip() else ""
