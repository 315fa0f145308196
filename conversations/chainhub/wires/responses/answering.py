"""One answer of the Responses format: what its events say of it, and how it ends."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from conversations.chainhub import refusals
from conversations.chainhub.assembling import text_of, tokens
from conversations.chainhub.errors import (
    ReasoningRefused,
    StreamBroken,
    StreamRefused,
    UnreadableReply,
)
from conversations.chainhub.events import Event, Finished, Restarted, Started, Usage
from conversations.chainhub.refusals import Complaint
from conversations.chainhub.wires.responses.output import Output

_OPENING = ("response.created", "response.queued", "response.in_progress")
_CLOSING = ("response.completed", "response.incomplete")
_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


@dataclass
class _Draft:
    """What is known of the answer that is being made; a restart throws it away."""

    response_id: str = ""
    is_started: bool = False
    output: Output = field(default_factory=Output)
    usage: dict[str, object] | None = None
    reason: str = ""
    error: StreamRefused | None = None


class Answer:
    """Takes events. A reply that is not streamed is the response that the last event would have held."""

    def __init__(self) -> None:
        self._draft = _Draft()
        self._has_bare_json = False

    @property
    def is_decided(self) -> bool:
        """Whether the end is known, good or bad: a broken connection no longer matters."""
        return bool(self._draft.reason) or self._draft.error is not None

    @property
    def is_complete(self) -> bool:
        return bool(self._draft.reason) and self._draft.error is None

    def take(self, found: Mapping[str, object], *, is_bare: bool) -> Iterator[Event]:
        self._has_bare_json = self._has_bare_json or is_bare
        kind = text_of(found.get("type"))
        is_response = kind == "" and (found.get("object") == "response" or "output" in found)
        response = found if is_response else _dict(found.get("response"))
        if complaint := _complaint_in(kind, found, response):
            # Not raised yet: the gateway may start over on another channel inside the same response.
            self._draft.error = self._draft.error or _refused(complaint)
            return
        if not kind.startswith("response.") and not is_response:
            return
        yield from self._begin(kind, response)
        if is_response or kind in _CLOSING:
            yield from self._close(response, is_cut=kind == "response.incomplete")
        elif not self._draft.reason:
            yield from self._draft.output.take(kind, found)

    def end(self) -> Iterator[Event]:
        """Yield what must come last; raise what must be raised."""
        draft = self._draft
        if draft.error is not None:
            raise draft.error
        if self._has_bare_json and not draft.is_started:
            raise UnreadableReply("the reply is JSON, but no answer")
        # The gateway loses response.completed where it does not know a field of it (§7.1); then there is no
        # usage either. Whole words are an answer all the same; a tool call could be one of several.
        if not draft.reason and not draft.output.is_all_there:
            raise StreamBroken("the stream ended without response.completed")
        if draft.usage is not None:
            yield _usage_of(draft.usage)
        yield Finished(draft.reason or "stop")

    def _begin(self, kind: str, response: Mapping[str, object]) -> Iterator[Event]:
        response_id = text_of(response.get("id"))
        if self._draft.is_started and self._is_second_start(kind, response_id):
            self._draft = _Draft()
            yield Restarted()
        draft = self._draft
        draft.response_id = draft.response_id or response_id
        if not draft.is_started:
            draft.is_started = True
            # An error before the first event, and then a good answer: another channel took over.
            draft.error = None
            yield Started(response_id, text_of(response.get("model")))

    def _is_second_start(self, kind: str, response_id: str) -> bool:
        if kind not in _OPENING:
            return False
        has_new_id = bool(response_id and self._draft.response_id) and response_id != self._draft.response_id
        return has_new_id or (kind == "response.created" and self._draft.error is not None)

    def _close(self, response: Mapping[str, object], *, is_cut: bool) -> Iterator[Event]:
        draft = self._draft
        items = response.get("output")
        yield from draft.output.take_whole(items if isinstance(items, list) else [])
        draft.usage = _dict(response.get("usage")) or draft.usage
        status = text_of(response.get("status")) or "completed"
        if is_cut or status == "incomplete":
            # Calls of an answer that was cut may be half, so this is never tool_calls.
            word = text_of(_dict(response.get("incomplete_details")).get("reason"))
            draft.reason = _REASONS.get(word, word or "incomplete")
        elif status == "completed":
            draft.output.check_calls()
            draft.reason = "tool_calls" if draft.output.has_calls else "stop"


def _complaint_in(kind: str, found: Mapping[str, object], response: Mapping[str, object]) -> Complaint | None:
    """Find the error that an event reports; both of its shapes are about (§5)."""
    if kind == "response.failed" or response.get("status") == "failed":
        return refusals.complaint_in(response) or Complaint()
    if kind == "error":
        return refusals.complaint_in(found) or Complaint(
            text_of(found.get("message")), code=text_of(found.get("code"))
        )
    return None if kind.startswith("response.") else refusals.complaint_in(found)


def _refused(complaint: Complaint) -> StreamRefused:
    return StreamRefused(
        complaint.message or "The gateway says that the answer failed, and not why.",
        type=complaint.type,
        code=complaint.code,
        kind=ReasoningRefused.kind if refusals.is_about_reasoning(complaint) else "",
    )


def _usage_of(raw: dict[str, object]) -> Usage:
    """Read the usage: what was cached is part of the input, what was thought part of the output (§3)."""
    return Usage(
        input_tokens=tokens(raw.get("input_tokens")),
        cached_tokens=tokens(_dict(raw.get("input_tokens_details")).get("cached_tokens")),
        cache_write_tokens=None,
        output_tokens=tokens(raw.get("output_tokens")),
        thinking_tokens=tokens(_dict(raw.get("output_tokens_details")).get("reasoning_tokens")),
        raw=raw,
    )


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
