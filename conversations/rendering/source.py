"""The text as everything here reads it: one kind of line end, nothing that cannot be encoded."""

import re

_LINE_END = re.compile(r"\r\n?")
# A provider's stream may cut an escaped pair in two; half a pair cannot be encoded, and nh3 would refuse all.
_UNREADABLE = re.compile(r"[\x00\ud800-\udfff]")


def normalised(text: str) -> str:
    return _UNREADABLE.sub("\N{REPLACEMENT CHARACTER}", _LINE_END.sub("\n", text))
