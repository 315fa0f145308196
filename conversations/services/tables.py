"""Tables that leave as CSV: safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

# What makes a spreadsheet read a cell as a formula (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_ROWS_AT_ONCE = 200


class _Line:
    """Where csv writes to: it hands back what was written."""

    def write(self, text: str) -> str:
        return text


def csv_of(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """Yield a CSV file in pieces, for a streamed answer: UTF-8 with a mark, as spreadsheets expect it.

    A text that a spreadsheet would take for a formula gets a "'" before it; numbers stay numbers.
    """
    writer = csv.writer(_Line())
    piece = ["\N{ZERO WIDTH NO-BREAK SPACE}", str(writer.writerow([_cell(name) for name in header]))]
    for row in rows:
        piece.append(str(writer.writerow([_cell(value) for value in row])))
        if len(piece) >= _ROWS_AT_ONCE:
            yield "".join(piece).encode("utf-8", "replace")
            piece = []
    if piece:
        yield "".join(piece).encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    # NUL: csv of some Pythons refuses it, and no cell needs it.
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
