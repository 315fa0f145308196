"""Markdown -> safe HTML, block by block, for an answer that grows.

`BlockStream.feed(delta)` returns a `Change`; a page that has applied all changes shows the answer so far.
What it shows meanwhile is safe but may be a little wrong (a footnote, a link defined later, a list cut in
two): when the answer has ended, all is replaced by `finish()`, which is `markdown.render` of the whole
text.

The DOM that the browser keeps:

    <div class="prose" data-stream>
      …closed blocks…
      <div class="open-block">…the block that grows…</div>
    </div>

`snapshot()` is what stands inside the outer div. A change is applied in this order, `prose` being that div:

    const open = prose.querySelector(":scope > .open-block");
    if (change.closed) open.insertAdjacentHTML("beforebegin", change.closed);
    if (change.open_html !== null) open.innerHTML = change.open_html;
    if (change.open_append) open.querySelector(".open-text").append(change.open_append);

`open_append` is text: `append` of a string makes a text node. There is an .open-text whenever it is not null.

A page that is loaded in mid-stream must show `snapshot()` of the very stream whose changes it will go on to
apply, or `live_page.replay` of them: another stream fed with the same text in other pieces may have cut it
elsewhere.

Costs: most words are only appended. The open block is read again when a mark or a line end came, and only
while the work done is in proportion to the text so far; so the whole is linear, whatever the text.
"""

from collections import ChainMap
from typing import Any

from django.utils.safestring import SafeString

from conversations.rendering import components, grammar, highlighting, markdown, source
from conversations.rendering.budgets import Budget, end_of_line
from conversations.rendering.components import OPEN_TEXT
from conversations.rendering.context import ATTACHMENT_URL, Context
from conversations.rendering.fences import OpenFence
from conversations.rendering.live_page import Change, LivePage
from conversations.rendering.open_blocks import header_to_repeat, lines_that_are_final, open_block_html
from conversations.rendering.tail import TOO_LONG, Tail

__all__ = ["BlockStream", "Change"]

# Reading open blocks may cost this many microseconds in all: an honest answer needs a tenth.
_WORK_AT_START = 20_000
_WORK_PER_CHARACTER = 9
# A delta is taken in pieces of this size, so that one huge delta is split like many small ones.
_PIECE = 4_000

_RAW_OPEN = f"<p>{OPEN_TEXT}</p>"


class _Step:
    """Collects what one feed changes."""

    def __init__(self) -> None:
        self._closed: list[str] = []
        self._open_html: str | None = None
        self._appended: list[str] = []

    def close(self, html: str) -> None:
        self._closed.append(html)

    def replace(self, open_html: str) -> None:
        self._open_html = open_html
        self._appended.clear()

    def append(self, text: str) -> None:
        self._appended.append(text)

    def change(self) -> Change:
        return Change("".join(self._closed), self._open_html, "".join(self._appended) or None)


class BlockStream:
    """Renders one growing text. Not for several threads at a time."""

    def __init__(self, *, attachment_url: str = ATTACHMENT_URL) -> None:
        self._attachment_url = attachment_url
        self._received: list[str] = []
        self._page = LivePage()
        self._closed_budget = Budget()
        self._references: dict[str, Any] = {}
        self._half_line_end = ""
        self._tail = Tail()
        self._fence: OpenFence | None = None
        self._work_left = _WORK_AT_START
        # Whether the open block has an .open-text.
        self._has_place = False

    def feed(self, delta: str) -> Change:
        """Take the next piece of the text; return what it changes on the page."""
        self._received.append(delta)
        text = self._half_line_end + delta
        # The "\n" of a "\r\n" may come with the next piece.
        self._half_line_end = "\r" if text.endswith("\r") else ""
        text = source.normalised(text.removesuffix("\r"))
        step = _Step()
        for start in range(0, len(text), _PIECE):
            self._take(text[start : start + _PIECE], step)
        change = step.change()
        self._page.apply(change)
        return change

    def snapshot(self) -> SafeString:
        """Return what the page shows now: the closed blocks and the open one."""
        return self._page.html()

    def finish(self) -> SafeString:
        """Return the whole text rendered as if it had come at once. It replaces all that the page shows."""
        return markdown.render("".join(self._received), attachment_url=self._attachment_url)

    def _take(self, text: str, step: _Step) -> None:
        self._work_left += _WORK_PER_CHARACTER * len(text)
        while text:
            text = self._grow_fence(self._fence, text, step) if self._fence else self._grow_tail(text, step)

    def _grow_fence(self, fence: OpenFence, text: str, step: _Step) -> str:
        step.append(fence.feed(text))
        if fence.rest is None:
            return ""
        step.close(self._final_html(fence.source))
        step.replace("")
        self._has_place = False
        self._fence = None
        return fence.rest

    def _grow_tail(self, text: str, step: _Step) -> str:
        """Add `text` to the open block; return what belongs to a fence that begins in it."""
        tail = self._tail
        tail.add(text)
        if tail.takes_plainly(text):
            step.append(tail.take_unshown())
        elif tail.still_waits(text):
            pass
        elif self._may_read():
            return self._read_tail(step)
        else:
            self._pass_unread(text, step)
        return ""

    def _may_read(self) -> bool:
        if self._tail.is_longer_than(TOO_LONG):
            return False
        cost = self._tail.reading_cost()
        if cost > self._work_left:
            return False
        self._work_left -= cost
        return True

    def _read_tail(self, step: _Step) -> str:
        """Close the blocks of the tail that are final, and show the last one as the open block."""
        tail = self._tail
        end = tail.readable_length()
        text = tail.text[:end]
        # A row may fill up many cells that `reading_cost` cannot see.
        budget = Budget(cells=2 * text.count("|") + 40)
        rendering = Context(budget=budget, attachment_url=self._attachment_url, highlights=False)
        # What the open block defines may be half of what it will be: it is not kept.
        env = rendering.env(references=ChainMap({}, self._references))
        blocks = markdown.or_none(lambda: grammar.blocks(grammar.GROWING, text, env), size=end)
        if blocks is None:
            self._show_raw(step)
            return ""
        if not blocks:
            self._show_nothing(end, step)
            return ""
        last = blocks[-1]
        final = lines_that_are_final(last, text.split("\n"), tail)
        first_of_last = last[0].map[0] if last[0].map else 0
        cut = self._close_lines(final, step, header=header_to_repeat(last, final, text))
        if final != first_of_last:
            return self._read_tail(step)
        if last[0].type == "fence" and (fence := OpenFence.starting(tail.text)):
            return self._open_fence(fence, step)
        html = markdown.or_none(lambda: open_block_html(last, env, text=text), size=end) or ""
        self._show_open(html, end - cut, step)
        return ""

    def _close_lines(self, number: int, step: _Step, *, header: str) -> int:
        """Close the first lines of the tail; return their length. `header` begins what is left."""
        if number == 0:
            return 0
        text = self._tail.text
        cut = end_of_line(text, number)
        step.close(self._final_html(text[:cut]))
        self._tail.replace(header + text[cut:])
        return cut

    def _final_html(self, text: str) -> str:
        rendering = Context(budget=self._closed_budget, attachment_url=self._attachment_url)
        env = rendering.env(references=self._references)
        return markdown.render_within_budget(text, grammar.GROWING, rendering, env)

    def _open_fence(self, fence: OpenFence, step: _Step) -> str:
        language = highlighting.language_of(fence.info).name
        step.replace(components.code_figure(language=language, code_html=OPEN_TEXT))
        code = self._tail.text[len(fence.opening_line) :]
        self._fence = fence
        self._tail.replace("")
        return code

    def _show_open(self, html: str, end: int, step: _Step) -> None:
        has_place = OPEN_TEXT in html
        step.replace(html if has_place else html + OPEN_TEXT)
        self._has_place = True
        self._tail.is_shown_to(end, can_append=has_place)

    def _show_nothing(self, end: int, step: _Step) -> None:
        """Show an empty open block: the tail has only blank lines and definitions."""
        step.replace("")
        self._has_place = False
        if not self._tail.text[:end].strip():
            self._tail.replace(self._tail.text[end:])
        self._tail.waits()

    def _show_raw(self, step: _Step) -> None:
        step.replace(_RAW_OPEN)
        step.append(self._tail.text)
        self._has_place = True
        self._tail.is_shown_raw()

    def _pass_unread(self, new: str, step: _Step) -> None:
        """Show text that would cost too much now as it was written; close the block at a blank line."""
        seam = self._tail.last_seam(len(new)) if "\n" in new else 0
        if seam:
            step.close(self._final_html(self._tail.text[:seam]))
            self._tail.replace(self._tail.text[seam:])
        if seam or not self._has_place:
            self._show_raw(step)
        else:
            step.append(self._tail.take_unshown())
            self._tail.is_shown_raw()
