"""What a tool call's card shows: its icon, its duration, and text with nothing unseen in it."""

from __future__ import annotations

import json
import re
import unicodedata

from django import template
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe

from conversations.models import ToolCallState
from conversations.templatetags.times import seconds

register = template.Library()

_ICONS = {
    ToolCallState.QUEUED: "loader-circle",
    ToolCallState.RUNNING: "loader-circle",
    ToolCallState.WAITING: "hand",
    ToolCallState.SUCCEEDED: "check",
    ToolCallState.FAILED: "circle-alert",
    ToolCallState.DENIED: "ban",
    ToolCallState.STOPPED: "square",
}

# Controls, formats, separators, surrogates, unassigned and private characters: what has no look of its own.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
# These have no look either, though Unicode counts them as letters or marks.
_FILLERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f]")
# By name: few fonts have the pictures that Unicode gives them.
_CONTROL_NAMES = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI "
    "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
)
_CONTROLS = _CONTROL_NAMES.split()
_PLAIN = re.compile(r"[ -~]+")


@register.filter
def tool_icon(state: str) -> str:
    """Return the name of the icon of a tool call's state."""
    return _ICONS.get(ToolCallState(state), "wrench") if state in ToolCallState.values else "wrench"


@register.filter
def tenths(value: float | None) -> str:
    """Say a short duration: "0.1 s", "9.8 s", from ten seconds on as `seconds` does."""
    if value is None:
        return ""
    return f"{max(value, 0.1):.1f} s" if value < 10 else seconds(value)


@register.filter
def visible(text: str) -> SafeString:
    """Show `text` with a mark for each character that nobody would see, or that would reorder what is seen.

    The lines of JSON were broken by us; a line break in anything else gets its mark too. Each mark knows
    its character, so that Copy takes the text and not the marks.
    """
    if _PLAIN.fullmatch(text):
        return conditional_escape(text)
    line_end = "\n" if _is_json(text) else _mark("\n") + "\n"
    # Only our own marks are not escaped.
    return mark_safe("".join(line_end if char == "\n" else _shown(char) for char in text))  # noqa: S308


def _shown(char: str) -> str:
    if " " <= char <= "~":
        return escape(char)
    is_unseen = unicodedata.category(char) in _UNSEEN or _FILLERS.match(char)
    return _mark(char) if is_unseen else char


def _mark(char: str) -> SafeString:
    code = ord(char)
    shown = _CONTROLS[code] if code < len(_CONTROLS) else f"U+{code:04X}"
    return format_html('<span class="unseen" data-code="{}">{}</span>', f"{code:x}", shown)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
