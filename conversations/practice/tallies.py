"""Count what an answer said: for its usage, and for the answer as one object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conversations.practice.chats import Chat
from conversations.practice.journal import Entry
from conversations.practice.steps import Call, More, Restart, Say, Step, Think


class Tally:
    """What was said since the last restart. A piece of text counts as one token."""

    def __init__(self, chat: Chat, entry: Entry, *, keep_text: bool) -> None:
        self._chat = chat
        self._entry = entry
        # A stream needs no copy of what it sent.
        self._keep_text = keep_text
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._thinking_tokens = 0
        self.calls: list[Call] = []

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def thinking(self) -> str:
        return "".join(self._thoughts)

    def count_text(self, text: str) -> None:
        self._entry.tokens += 1
        if self._keep_text:
            self._texts.append(text)

    def count(self, step: Step) -> None:
        if isinstance(step, Say):
            self.count_text(step.text)
        elif isinstance(step, Think):
            self._entry.tokens += 1
            self._thinking_tokens += 1
            if self._keep_text:
                self._thoughts.append(step.text)
        elif isinstance(step, Call):
            self._entry.tokens += 10
            self.calls.append(step)
        elif isinstance(step, More):
            last = self.calls[-1]
            self.calls[-1] = replace(last, arguments=last.arguments + step.arguments)
        elif isinstance(step, Restart):
            self._texts.clear()
            self._thoughts.clear()
            self.calls.clear()

    def usage(self) -> dict[str, Any]:
        """Estimate the question at four characters a token and 85 a picture; count the answer."""
        messages = self._chat.messages
        asked = sum(4 + len(m.text) // 4 + 85 * len(m.pictures) for m in messages)
        answered = self._entry.tokens
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self._thinking_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
