"""The end of a growing text that is not final yet: what of it is read, shown, or held back."""

import re

from conversations.rendering.budgets import marks_in

# Text that changes nothing but the end of the paragraph that it is appended to.
# A longer block is not read again before it closes; its text is appended as it was written.
TOO_LONG = 16_000

_PLAIN = re.compile(r"[^\n*_`~\[\]<>&\\|]*")
# The beginnings of lines that may become anything: "-" an item, a line under a heading or a rule; "|" a row.
# Shown too early they would make the page jump.
_UNDECIDED = re.compile(
    r"[ \t]{0,40}(?:[-*+>#|=_:~` \t]{0,200}|\d{1,9}[.)]?[ \t]?|(?:[-*+]|\d{1,9}[.)])[ \t]+\[[ xX]?\]?"
    r"|`{3}[^`\n]{0,200}|~{3}[^\n]{0,200}|\|[^\n]{0,2000})"
)
# Where a text that may not be read can be cut: a blank line, or a list item at the margin.
_SEAM = re.compile(r"\n[ \t]*\n|\n(?=(?:[-*+]|\d{1,9}[.)])[ \t])")


class Tail:
    """The source of the open block, joined only when somebody reads it: most words are only appended."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        # What is not on the page yet: a line that waits, or blanks that Markdown drops at the end of a text.
        self._unshown: list[str] = []
        self._can_append = False
        self._waits = False

    @property
    def text(self) -> str:
        if len(self._pieces) != 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self._unshown.append(text)
        self._length += len(text)

    def replace(self, text: str) -> None:
        self._pieces = [text]
        self._unshown = [text]
        self._length = len(text)
        self._can_append = self._waits = False

    def take_unshown(self) -> str:
        text = "".join(self._unshown)
        self._unshown = []
        return text

    def is_shown_to(self, end: int, *, can_append: bool) -> None:
        """Note that the first `end` characters were read and are on the page."""
        shown = len(self.text[:end].rstrip())
        unshown = self.text[shown:]
        self._unshown = [unshown]
        self._can_append = can_append and "\n" not in unshown and end == self._length
        self._waits = end < self._length

    def is_shown_raw(self) -> None:
        """Note that all is on the page, as it was written."""
        self._unshown = []
        self._can_append = True
        self._waits = False

    def waits(self) -> None:
        """Note that nothing of it can be shown yet."""
        self._can_append = False
        self._waits = True

    def takes_plainly(self, new: str) -> bool:
        """Tell whether `new`, just added, can be appended where the text of the open block goes on."""
        return self._can_append and _PLAIN.fullmatch(new) is not None

    def still_waits(self, new: str) -> bool:
        """Tell whether `new`, just added, leaves a line undecided that was held back before."""
        return self._waits and "\n" not in new and self.readable_length() < self._length

    def is_longer_than(self, length: int) -> bool:
        return self._length > length

    def reading_cost(self) -> int:
        """Return about how many microseconds it takes to read and render the tail."""
        text = self.text
        cost = len(text) + 14 * marks_in(text) + 35 * text.count("\n")
        return cost + 15 * text.count("|") + 60 * text.count("://")

    def readable_length(self) -> int:
        """Return the length without a last line that may still become anything."""
        start = self.text.rfind("\n") + 1
        return start if _UNDECIDED.fullmatch(self.text, start) else self._length

    def last_seam(self, new: int) -> int:
        """Return where the tail can be cut without reading it, or 0. Only its `new` last characters count."""
        end = 0
        for match in _SEAM.finditer(self.text, max(0, self._length - new - 100)):
            end = match.end()
        return end
