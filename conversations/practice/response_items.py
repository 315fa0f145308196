"""The items of a response while they are made, and the events that tell of them (responses.md §5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from conversations.practice import reasoning
from conversations.practice.chats import Chat
from conversations.practice.steps import Call, More, Say, Step, Think
from conversations.practice.tallies import Tally

Event = dict[str, Any]
_INCOMPLETE = {"length": "max_output_tokens"}


class Items:
    """Takes the steps of a script. Only the last item is open; another kind of step closes it."""

    def __init__(self, chat: Chat, *, answer_id: str) -> None:
        self._chat = chat
        self._answer_id = answer_id
        self._created_at = int(time.time())
        self._pieces: list[str] = []
        self._is_open = False
        self.output: list[dict[str, Any]] = []

    def take(self, step: Step) -> Iterator[Event]:
        if isinstance(step, Say):
            if self._kind != "message":
                yield from self._open(
                    {"type": "message", "status": "in_progress", "content": [], "role": "assistant"}, "msg"
                )
                yield self._event("response.content_part.added", content_index=0, part=_text_part(""))
            yield self._piece("response.output_text.delta", step.text, content_index=0, logprobs=[])
        elif isinstance(step, Think):
            yield from self._think(step.text)
        elif isinstance(step, Call):
            call = {"type": "function_call", "status": "in_progress", "arguments": ""}
            yield from self._open(call | {"call_id": step.id, "name": step.name}, "fc")
            middle = len(step.arguments) // 2
            for piece in (step.arguments[:middle], step.arguments[middle:]):
                if piece:
                    yield self._piece("response.function_call_arguments.delta", piece)
        elif isinstance(step, More):
            yield self._piece("response.function_call_arguments.delta", step.arguments)

    def close(self, *, status: str = "completed") -> Iterator[Event]:
        """Tell the whole of what is open: of its part, then of the item."""
        if not self._is_open:
            return
        item, text, kind = self.output[-1], "".join(self._pieces), self._kind
        self._is_open = False
        if kind == "message":
            item |= {"status": status, "content": [_text_part(text)]}
            yield self._event("response.output_text.done", content_index=0, text=text, logprobs=[])
            yield self._event("response.content_part.done", content_index=0, part=_text_part(text))
        elif kind == "function_call":
            item |= {"status": status, "arguments": text}
            yield self._event("response.function_call_arguments.done", arguments=text)
        elif text:
            part = {"type": "summary_text", "text": text}
            item["summary"] = [part]
            yield self._event("response.reasoning_summary_text.done", summary_index=0, text=text)
            yield self._event("response.reasoning_summary_part.done", summary_index=0, part=part)
        yield {"type": "response.output_item.done", "output_index": len(self.output) - 1, "item": dict(item)}

    def response(self, status: str, *, reason: str | None = None, usage: dict[str, Any] | None) -> Event:
        """The whole object, as far as it is made."""
        told = {
            "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
            "parallel_tool_calls": True, "reasoning": {"effort": None, "summary": None}, "store": True,
            "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_p": 1.0, "truncation": "disabled", "user": None,
        } | self._chat.told  # fmt: skip
        details = {"reason": _INCOMPLETE.get(reason, reason)} if status == "incomplete" and reason else None
        output = [] if status in ("in_progress", "failed") else [dict(item) for item in self.output]
        return {
            "id": self._answer_id, "object": "response", "created_at": self._created_at, "status": status,
            "background": False, "error": None, "incomplete_details": details, "model": self._chat.model,
            "output": output, "previous_response_id": None, "service_tier": "default", **told, "usage": usage,
        }  # fmt: skip

    @property
    def _kind(self) -> str:
        return str(self.output[-1]["type"]) if self._is_open else ""

    def _think(self, text: str) -> Iterator[Event]:
        if self._kind != "reasoning":
            yield from self._open({"type": "reasoning", "summary": []}, "rs")
            if self._chat.shows_thoughts:
                part = {"type": "summary_text", "text": ""}
                yield self._event("response.reasoning_summary_part.added", summary_index=0, part=part)
        # Without `reasoning.summary` the model thinks, and tells nobody (§1).
        if self._chat.shows_thoughts:
            yield self._piece("response.reasoning_summary_text.delta", text, summary_index=0)

    def _open(self, item: dict[str, Any], prefix: str) -> Iterator[Event]:
        yield from self.close()
        item_id = f"{prefix}_{self._answer_id.removeprefix('resp_')}{len(self.output):02d}"
        item = {"id": item_id, **item}
        if prefix == "rs" and self._chat.wants_reasoning:
            item["encrypted_content"] = reasoning.seal(item_id)
        self.output.append(item)
        self._pieces = []
        self._is_open = True
        yield {"type": "response.output_item.added", "output_index": len(self.output) - 1, "item": dict(item)}

    def _piece(self, kind: str, text: str, **fields: Any) -> Event:
        self._pieces.append(text)
        return self._event(kind, **fields, delta=text)

    def _event(self, kind: str, **fields: Any) -> Event:
        place = {"item_id": self.output[-1]["id"], "output_index": len(self.output) - 1}
        return {"type": kind, **place, **fields}


def usage_of(tally: Tally) -> dict[str, Any]:
    counted = tally.usage()
    return {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {
            "reasoning_tokens": counted["completion_tokens_details"]["reasoning_tokens"]
        },
        "total_tokens": counted["total_tokens"],
    }


def status_of(reason: str | None) -> str:
    """A turn with tool calls is completed too; only what was cut is not (§6.3)."""
    if reason is None:
        return "in_progress"
    return "completed" if reason in ("stop", "tool_calls") else "incomplete"


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
