"""A code block that still grows: its text is appended as it comes, until the line that closes it."""

import re
from dataclasses import dataclass, field

# A line of nothing but backticks that never ends would be looked at again and again.
MAX_CLOSING_LINE = 500

_OPENING = re.compile(r"( {0,3})(`{3,}|~{3,})([^\n]*)\n")


@dataclass(slots=True)
class OpenFence:
    """Takes the text behind the opening line; tells what to append, and what is behind the closing line."""

    opening_line: str
    info: str
    marker: str
    indent: int
    rest: str | None = None
    _source: list[str] = field(default_factory=list)
    _held: str = ""
    _is_mid_line: bool = False

    @classmethod
    def starting(cls, text: str) -> "OpenFence | None":
        """Return the fence whose opening line is the first of `text`, or None if that line is none."""
        match = _OPENING.match(text)
        if not match:
            return None
        indent, marker, info = match.groups()
        return cls(opening_line=match[0], info=info, marker=marker, indent=len(indent))

    @property
    def source(self) -> str:
        return self.opening_line + "".join(self._source)

    def feed(self, text: str) -> str:
        """Return what can be appended to the code now. Once it closes, `rest` is what is behind it."""
        text = self._held + text
        self._held = ""
        shown: list[str] = []
        position = 0
        while position < len(text):
            end = text.find("\n", position) + 1
            line = text[position : end or len(text)]
            position += len(line)
            if not self._is_mid_line and self._closes(line):
                if not end:
                    self._held = line  # perhaps: its other half is still to come
                    break
                self._source.append(line)
                self.rest = text[position:]
                break
            shown.append(line if self._is_mid_line else self._without_indent(line))
            self._source.append(line)
            self._is_mid_line = not end
        return "".join(shown)

    def _closes(self, line: str) -> bool:
        """Tell whether `line` closes the block, or as a mere beginning still may."""
        if len(line) > MAX_CLOSING_LINE:
            return False
        mark = line.strip(" \t\n")
        is_marked = not mark.strip(self.marker[0]) and line.startswith(mark, min(_spaces(line), 3))
        return is_marked and (len(mark) >= len(self.marker) or not line.endswith("\n"))

    def _without_indent(self, line: str) -> str:
        return line[min(_spaces(line), self.indent) :]


def _spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
