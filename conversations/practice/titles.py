"""Notice that a title is asked for, and make one of the first words of the conversation."""

from __future__ import annotations

import re

from conversations.practice.chats import Chat

_ASKED = re.compile(
    r"\b(write|give|make|create|generate|suggest|invent|find|choose|reply|answer|respond|return|name|summari[sz]e)\b"
    r".{0,200}\btitles?\b",
    re.I | re.S,
)
_ASKED_IN_QUESTION = re.compile(r"\btitle\b.{0,40}\b(conversation|chat|discussion)\b", re.I | re.S)
_LABEL = re.compile(
    r"\s*(<[^>]*>|[-#*>]+\s|(question|user|human|message|conversation|text|title)\s*:)\s*", re.I
)
_POLITE = re.compile(
    r"(hello|hi|hey|please|can you|could you|would you|i want to|i would like to|tell me|show me|"
    r"write me|give me)\b[\s,!.]*",
    re.I,
)
_WORDS = 6
_CHARACTERS = 48


def title_for(chat: Chat) -> str | None:
    """A short title if the system text, or a lone question, asks for one; else None."""
    asked = _ASKED.search(chat.system_text) or (
        len(chat.messages) <= 2
        and _ASKED.search(chat.question.text)
        and _ASKED_IN_QUESTION.search(chat.question.text)
    )
    if not asked:
        return None
    first = next((m.text for m in chat.messages if m.role == "user" and m.text.strip()), "")
    return _title_of(first) or "Practice conversation"


def _title_of(text: str) -> str:
    for line in text.splitlines():
        words = line.strip()
        while label := _LABEL.match(words):
            words = words[label.end() :]
        if words and not _ASKED_IN_QUESTION.search(words):
            break
    else:
        return ""
    while polite := _POLITE.match(words):
        if polite.end() >= len(words.rstrip(" .!?")):
            break
        words = words[polite.end() :]
    short = " ".join(re.split(r"\s+", words)[:_WORDS])[:_CHARACTERS].strip(" .,;:!?\"'“”«»")
    return short[:1].upper() + short[1:]
