"""What one text may cost. Beyond a budget text is shown plain, never dropped.

The budgets count work, not seconds: the same text looks the same on a busy machine. The numbers come from
measuring hostile texts with markdown-it-py 4.3 (tests/rendering guards them).
"""

import re
from dataclasses import dataclass

# Ordinary Markdown costs about 1 us a character; a list item or a one-letter paragraph about 40 us a line.
MAX_TEXT = 200_000
MAX_LINES = 8_000

# The Markdown of containers; deeper ones are dropped by markdown-it, so their block is shown plain.
MAX_NESTING = 20

# Nothing that people write has a single run of inline text longer than this; data addresses do.
MAX_INLINE = 40_000

# linkify-it is quadratic in the length of one word and in the number of addresses of one paragraph.
MAX_LINKIFIED_INLINE = 8_000
MAX_LINKIFIED_WORD = 2_000

# The characters on which inline rules start. "[" is the dear one: up to 20 us each.
_MARKS = "[]!*_~`<&\\"


@dataclass(slots=True)
class Budget:
    """What is left for one text. Each `take_…` says whether the work may be done, and pays for it."""

    characters: int = MAX_TEXT
    lines: int = MAX_LINES
    marks: int = 12_000
    addresses: int = 1_000
    cells: int = 12_000
    highlighted: int = 60_000

    def take_text(self, text: str) -> int:
        """Return how many characters of `text` may be read as Markdown; what follows is shown plain."""
        end = len(text)
        if end > self.characters:
            end = text.rfind("\n", 0, self.characters) + 1
        if text.count("\n", 0, end) > self.lines:
            end = end_of_line(text, self.lines)
        if end < len(text):
            # A cut between two paragraphs is seen least.
            gap = text.rfind("\n\n", max(0, end - 4_000), end)
            end = gap + 2 if gap >= 0 else end
            self.characters = self.lines = 0
        self.characters = max(0, self.characters - end)
        self.lines = max(0, self.lines - text.count("\n", 0, end))
        return end

    def take_marks(self, text: str) -> bool:
        if len(text) > MAX_INLINE:
            return False
        cost = marks_in(text)
        if cost > self.marks:
            return False
        self.marks -= cost
        return True

    def take_addresses(self, text: str) -> bool:
        count = text.count("://")
        if not count:
            return False
        if count > self.addresses or len(text) > MAX_LINKIFIED_INLINE or _LONG_WORD.search(text):
            return False
        self.addresses -= count
        return True

    def take_cells(self, count: int) -> bool:
        if count > self.cells:
            # Not asked again: each further line of the same table would be counted once more.
            self.cells = 0
            return False
        self.cells -= count
        return True

    def take_highlighting(self, code: str) -> bool:
        if len(code) > self.highlighted:
            return False
        self.highlighted -= len(code)
        return True


_LONG_WORD = re.compile(rf"\S{{{MAX_LINKIFIED_WORD}}}")


def marks_in(text: str) -> int:
    """Return the weight of the inline marks of `text`; a plain sentence has none."""
    return sum(map(text.count, _MARKS)) + text.count("[")


def end_of_line(text: str, number: int) -> int:
    """Return how many characters the first `number` lines have."""
    position = 0
    for _ in range(number):
        position = text.index("\n", position) + 1
    return position
