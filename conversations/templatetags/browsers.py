"""Browsers in words, from what they say of themselves."""

from __future__ import annotations

import re

from django import template

register = template.Library()

# In this order: each says what it is beside the names of those that it is compatible with. Edge calls itself
# Chrome and Safari too. (MDN, "Browser detection using the user agent string". Libraries for it bring more
# than a thousand patterns, which a page with five rows need not load.)
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Vivaldi", r"Vivaldi/"),
    ("Firefox", r"(?:Firefox|FxiOS)/"),
    ("Chrome", r"(?:HeadlessChrome|Chrome|CriOS)/"),
    ("Chromium", r"Chromium/"),
    ("Safari", r"Version/[\d.]+ (?:Mobile/\w+ )?Safari/"),
    ("curl", r"^curl/"),
    ("A Python program", r"^python-requests/|^Python-urllib/"),
)
_SYSTEMS = (
    ("iPad", r"\biPad\b"),
    ("iPhone", r"\biPhone\b"),
    ("Android", r"\bAndroid\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("Linux", r"\bLinux\b|\bX11\b"),
)


@register.filter
def browser_words(user_agent: str) -> str:
    """Say which browser on which system: "Firefox on Windows". What is not known is called so."""
    browser = _first(_BROWSERS, user_agent) or "Unknown browser"
    system = _first(_SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, text)), "")
