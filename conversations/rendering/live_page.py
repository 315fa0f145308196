"""What a browser shows of an answer that grows, and the steps that change it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from conversations.rendering.components import OPEN_TEXT


@dataclass(frozen=True, slots=True)
class Change:
    """One step, applied in the order of its fields. False if it changes nothing."""

    # Safe HTML of blocks that became final: it goes before the open block.
    closed: str = ""
    # Safe HTML that replaces what is inside the open block; "" empties it.
    open_html: str | None = None
    # Text, not HTML, that is appended inside the open block's one .open-text.
    open_append: str | None = None

    def __bool__(self) -> bool:
        return bool(self.closed or self.open_html is not None or self.open_append)


class LivePage:
    """The same page as the browser's, on the server."""

    def __init__(self) -> None:
        self._closed: list[str] = []
        self._open_html = ""
        self._appended: list[str] = []

    def apply(self, change: Change) -> None:
        if change.closed:
            self._closed.append(change.closed)
        if change.open_html is not None:
            self._open_html = change.open_html
            self._appended.clear()
        if change.open_append:
            self._appended.append(change.open_append)

    def html(self) -> SafeString:
        """Return what is inside `<div class="prose" data-stream>`."""
        place = OPEN_TEXT.replace("></", f">{escape(''.join(self._appended))}</")
        # There is one place, and no text can write a second: its angle brackets are escaped.
        open_html = self._open_html.replace(OPEN_TEXT, place, 1)
        return mark_safe(  # noqa: S308 - the parts are safe, see Change
            f'{"".join(self._closed)}<div class="open-block">{open_html}</div>'
        )


def replay(changes: Iterable[Change]) -> SafeString:
    """Return what a page shows that has applied `changes` from the first on."""
    page = LivePage()
    for change in changes:
        page.apply(change)
    return page.html()
