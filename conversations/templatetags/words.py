"""Small words around the text of people: numbers, initials, marked words, fresh ids."""

from __future__ import annotations

import re
import uuid

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from conversations.services import marks

register = template.Library()


@register.simple_tag
def fresh_id() -> str:
    """Make the send id of one form: whatever is posted with it twice happens once."""
    return str(uuid.uuid4())


@register.filter
def thousands(value: int | None) -> str:
    """Write a count as 12 345, with spaces that do not break."""
    return "" if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.filter
def initials(name: str) -> str:
    """Take up to two letters of a name for the round mark of a person."""
    words = re.findall(r"\w+", name)
    chosen = [words[0], words[-1]] if len(words) > 1 else words[:1]
    return "".join(word[0] for word in chosen).upper()


@register.filter
def marked(text: str, query: str) -> SafeString:
    """Show `text` with the words of `query` marked. Both are escaped."""
    words = sorted(set(re.findall(r"\w+", query)), key=len, reverse=True)[:20]
    if not words:
        return conditional_escape(text)
    pieces = re.split(f"({'|'.join(map(re.escape, words))})", text, flags=re.IGNORECASE)
    # re.split gives what the group matched at every second place.
    html = (
        format_html("<mark>{}</mark>", piece) if place % 2 else conditional_escape(piece)
        for place, piece in enumerate(pieces)
    )
    return format_html_join("", "{}", ((piece,) for piece in html))


@register.filter
def mark_words(mark: str) -> str:
    """Say what the mark beside a title shows."""
    return marks.words_of(mark)
