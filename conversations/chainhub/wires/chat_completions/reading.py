"""The answer of the chat format, chunk by chunk or whole, as events."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from conversations.chainhub import refusals, strict_json
from conversations.chainhub.assembling import ThinkLifter, ToolCalls, arguments_of, text_of
from conversations.chainhub.errors import StreamBroken, StreamRefused, UnreadableReply
from conversations.chainhub.events import (
    Event,
    Finished,
    RefusalDelta,
    Restarted,
    Started,
    TextDelta,
    ThinkingDelta,
)
from conversations.chainhub.sse import BareJson, Item
from conversations.chainhub.wires.chat_completions.counting import usage_of

# A turn with tool calls that ended so was cut: its arguments may be half.
_CUT = ("length", "content_filter")


def decode(
    items: Iterable[Item], *, notice: Callable[[bool], None] = lambda is_over: None
) -> Iterator[Event]:
    """Turn the body of one answer, a stream or a single JSON object, into events.

    Raise StreamBroken if it ends without a finish_reason (what came is then only a part), StreamRefused if
    the gateway reports an error and does not start over, UnreadableReply for data that is no JSON. `notice`
    is told after each chunk whether the answer is complete: what breaks from then on is no failure.
    """
    answer = _Answer()
    try:
        for item in items:
            text = item.text if isinstance(item, BareJson) else item.data
            if text.strip() == "[DONE]":
                break
            try:
                chunk = strict_json.load_object(text)
            except strict_json.NotJson as error:
                if answer.is_decided:
                    break
                raise _unreadable(item, error) from None
            if (plain := answer.plain_text(chunk)) is not None:
                yield TextDelta(plain)
                continue
            yield from answer.take(chunk, is_bare=isinstance(item, BareJson))
            notice(answer.is_complete)
    except StreamBroken:
        if not answer.is_decided:
            raise
    yield from answer.end()


def decode_reply(body: Mapping[str, object]) -> Iterator[Event]:
    """Turn the body of an answer that was not streamed into the same events."""
    answer = _Answer()
    yield from answer.take(body, is_bare=True)
    yield from answer.end()


def _unreadable(item: Item, error: Exception) -> StreamBroken | UnreadableReply:
    if not item.is_whole:
        return StreamBroken("the stream was cut in the middle of an event")
    return UnreadableReply(f"the answer holds data that is not JSON: {error}")


@dataclass
class _Draft:
    """What is known of the answer that is being made; a restart throws it away."""

    response_id: str = ""
    model: str = ""
    is_started: bool = False
    choice: int | None = None
    lifter: ThinkLifter = field(default_factory=ThinkLifter)
    calls: ToolCalls = field(default_factory=ToolCalls)
    usage: dict[str, object] | None = None
    reason: str = ""
    error: StreamRefused | None = None


class _Answer:
    """Takes chunks. A reply that is not streamed is one chunk, with `message` in the place of `delta`."""

    def __init__(self) -> None:
        self.draft = _Draft()
        self.has_bare_json = False

    @property
    def is_decided(self) -> bool:
        """Whether the end is known, good or bad: a broken connection no longer matters."""
        return bool(self.draft.reason) or self.draft.error is not None

    @property
    def is_complete(self) -> bool:
        return bool(self.draft.reason) and self.draft.error is None

    def plain_text(self, chunk: Mapping[str, object]) -> str | None:
        """Return the text of a chunk in mid-answer that is nothing but text, as nearly all are; else None."""
        draft, choices = self.draft, chunk.get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or chunk.get("usage") or chunk.get("error"):
            return None
        if not draft.is_started or self.is_decided or not draft.lifter.is_through:
            return None
        choice = choices[0]
        if not isinstance(choice, dict) or choice.get("finish_reason") or choice.get("index") != draft.choice:
            return None
        delta = choice.get("delta")
        if not isinstance(delta, dict) or len(delta) != 1 or "message" in choice:
            return None
        text = delta.get("content")
        return text if isinstance(text, str) and text else None

    def take(self, chunk: Mapping[str, object], *, is_bare: bool) -> Iterator[Event]:
        self.has_bare_json = self.has_bare_json or is_bare
        if complaint := refusals.complaint_in(chunk):
            # Not raised yet: the gateway may start over on another channel inside the same response.
            self.draft.error = StreamRefused(complaint.message, type=complaint.type, code=complaint.code)
            return
        choices = [choice for choice in _list(chunk.get("choices")) if isinstance(choice, dict)]
        if choices:
            yield from self._begin(chunk, choices[0])
        if usage := _dict(chunk.get("usage")):
            self.draft.usage = usage
        for choice in choices:
            if self._is_chosen(choice):
                yield from self._take_choice(choice, is_bare=is_bare)

    def end(self) -> Iterator[Event]:
        """Yield what was held back, then what must come last; raise what must be raised."""
        draft = self.draft
        yield from draft.lifter.flush()
        if draft.error is not None:
            raise draft.error
        if self.has_bare_json and not draft.is_started:
            raise UnreadableReply("the reply is JSON, but no answer")
        if not draft.reason:
            raise StreamBroken("the stream ended without a finish_reason")
        if draft.usage is not None:
            yield usage_of(draft.usage, model=draft.model)
        yield Finished("tool_calls" if draft.calls and draft.reason not in _CUT else draft.reason)

    def _begin(self, chunk: Mapping[str, object], choice: Mapping[str, object]) -> Iterator[Event]:
        response_id, model = text_of(chunk.get("id")), text_of(chunk.get("model"))
        if self.draft.is_started and self._is_second_start(response_id, choice):
            self.draft = _Draft()
            yield Restarted()
        draft = self.draft
        draft.response_id = draft.response_id or response_id
        draft.model = draft.model or model
        if not draft.is_started:
            draft.is_started = True
            # An error before the first chunk, and then a good answer: another channel took over.
            draft.error = None
            yield Started(response_id, model)

    def _is_second_start(self, response_id: str, choice: Mapping[str, object]) -> bool:
        """A role with a new id opens another answer. DeepSeek sends a role on every chunk, with one id."""
        has_role = bool(_dict(choice.get("delta")).get("role"))
        has_new_id = bool(response_id and self.draft.response_id) and response_id != self.draft.response_id
        if self.draft.error is not None:
            return has_role or has_new_id
        return has_role and has_new_id

    def _is_chosen(self, choice: Mapping[str, object]) -> bool:
        """Several candidates would run into each other: only the first one counts."""
        index = choice.get("index")
        if not isinstance(index, int):
            return True
        if self.draft.choice is None:
            self.draft.choice = index
        return index == self.draft.choice

    def _take_choice(self, choice: Mapping[str, object], *, is_bare: bool) -> Iterator[Event]:
        reason = choice.get("finish_reason")
        if message := _dict(choice.get("message")):
            # A whole reply cannot have been cut, or it would be no JSON: a missing reason is only sloppy.
            yield from self._take_delta(message)
            reason = reason or ("stop" if is_bare else "")
        yield from self._take_delta(_dict(choice.get("delta")))
        # Some upstreams write the word null on chunks that do not finish.
        if isinstance(reason, str) and reason not in ("", "null"):
            self.draft.reason = reason

    def _take_delta(self, delta: Mapping[str, object]) -> Iterator[Event]:
        if thinking := text_of(delta.get("reasoning_content")) or text_of(delta.get("reasoning")):
            yield ThinkingDelta(thinking)
        yield from self.draft.lifter.feed(text_of(delta.get("content")))
        if refusal := text_of(delta.get("refusal")):
            yield RefusalDelta(refusal)
        calls = _list(delta.get("tool_calls"))
        if function := _dict(delta.get("function_call")):
            # The obsolete form of the first call.
            calls = calls or [{"function": function}]
        for position, call in enumerate(calls):
            if isinstance(call, dict):
                yield self._take_call(position, call)

    def _take_call(self, position: int, call: Mapping[str, object]) -> Event:
        index, function = call.get("index"), _dict(call.get("function"))
        return self.draft.calls.add(
            index if isinstance(index, int) else position,
            call_id=text_of(call.get("id")),
            name=text_of(function.get("name")),
            arguments=arguments_of(function.get("arguments")),
        )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
