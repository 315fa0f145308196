"""Turn the steps of a script into bytes: an event stream, or one JSON object."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring as json_text
from typing import Any

from conversations.practice import checks, journal
from conversations.practice.bodies import Body, Stream
from conversations.practice.chats import Chat
from conversations.practice.models import MODELS
from conversations.practice.peer import Peer
from conversations.practice.refusals import Refusal, error_body, json_bytes
from conversations.practice.steps import (
    Call,
    End,
    Ending,
    Fault,
    Finish,
    Manner,
    More,
    Pause,
    Restart,
    Say,
    Step,
    Think,
)
from conversations.practice.tallies import Tally

_PLAIN_END = b'},"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
_numbers = itertools.count(1)


class Clock:
    """Keeps a pace: each pause counts from when the one before was over, not from when it was noticed."""

    def __init__(self, peer: Peer, *, speed: float) -> None:
        self._peer = peer
        self._speed = speed
        self._due = time.monotonic()

    def pause(self, seconds: float) -> None:
        now = time.monotonic()
        # Late by more than a second (a laptop that slept): do not catch up in one burst.
        due = self._due + seconds / self._speed
        self._due = due = due if due > now - 1 else now - 1
        self._peer.wait(due - now)


class EventStream(Body):
    """One answer of the chat format as events. Everything but the text of a chunk is made once."""

    def __init__(
        self, chat: Chat, *, peer: Peer, manner: Manner, head: bytes, chunked: bool, request_id: str
    ) -> None:
        super().__init__(peer=peer, manner=manner, head=head, chunked=chunked, request_id=request_id)
        self._chat = chat
        self._is_plain = chunked and manner == Manner()
        self._held: str | None = None
        self._index = 0
        self._begin(first=True)

    def _begin(self, *, first: bool = False) -> None:
        answer_id = f"chatcmpl-{self._request_id}" if first else f"chatcmpl-restarted{next(_numbers)}"
        start = {"id": answer_id, "object": "chat.completion.chunk", "created": int(time.time())}
        start |= {"model": self._chat.model, "system_fingerprint": None}
        self._start = b"data: " + json_bytes(start)[:-1]
        self._delta = self._start + b',"choices":[{"index":0,"delta":{'
        self._say = self._delta + b'"content":'
        self._think = self._delta + b'"reasoning_content":'
        self._has_role = False

    def say(self, text: str) -> None:
        """Send a piece of text: by the shortest way, for this is what 100 streams do 50 times a second."""
        if self._is_plain and self._has_role:
            chunk = self._say + _quoted(text) + _PLAIN_END
            self._peer.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        else:
            self.write(Say(text))

    def write(self, step: Step) -> None:
        """Send a step that carries something of the answer."""
        if not self._has_role:
            self._has_role = True
            if self._manner.pings and not self._sent:
                self._send(b": PING\n\n")
            self._send(self._delta + b'"role":"assistant","content":""' + _PLAIN_END)
        if isinstance(step, Say):
            self._write_text(step.text)
        elif isinstance(step, Think):
            self._send(self._think + _quoted(step.text) + _PLAIN_END)
        elif isinstance(step, Call):
            self._write_call(step)
        elif isinstance(step, More):
            self._write_arguments(step.arguments)
        elif isinstance(step, Restart):
            self._begin()
        elif isinstance(step, Fault):
            self._write_fault(step)

    def _write_text(self, text: str) -> None:
        if self._manner.usage_on_last:
            text, self._held = self._held, text  # type: ignore[assignment]
            if text is None:
                return
        self._send(self._say + _quoted(text) + _PLAIN_END)
        if self._manner.empty_choices:
            self._send(self._start + b',"choices":[],"usage":null}\n\n')
        if self._manner.pings and self._sent % 5 == 0:
            self._send(b": PING\n\n")

    def _write_call(self, call: Call) -> None:
        """Name first, then the arguments in two pieces, as OpenAI sends them."""
        self._index = call.index
        function = {"name": call.name, "arguments": ""}
        self._write_calls({"index": call.index, "id": call.id, "type": "function", "function": function})
        middle = len(call.arguments) // 2
        for piece in (call.arguments[:middle], call.arguments[middle:]):
            if piece:
                self._write_arguments(piece)

    def _write_arguments(self, piece: str) -> None:
        self._write_calls({"index": self._index, "function": {"arguments": piece}})

    def _write_calls(self, call: dict[str, Any]) -> None:
        self._send(self._delta + json_bytes({"tool_calls": [call]})[1:-1] + _PLAIN_END)

    def _write_fault(self, fault: Fault) -> None:
        message = f"{fault.message} (request id: {self._request_id})"
        body = error_body(message, kind=fault.kind, code=fault.code, param="")
        self._send(body + b"\n" if fault.bare else b"data: " + body + b"\n\n")

    def finish(self, reason: str | None, tally: Tally) -> None:
        """Send what ends a stream: the reason, unless there is none, the usage, `[DONE]`."""
        shows_usage = self._manner.usage and self._chat.include_usage
        usage = json_bytes(tally.usage()) if shows_usage else b"null"
        ends = b""
        if reason is not None and self._manner.ends:
            last = b""
            if self._held is not None:
                last, self._held = b'"content":' + _quoted(self._held), None
            on_last = usage if self._manner.usage_on_last else b"null"
            ends = self._delta + last + b'},"logprobs":null,"finish_reason":' + _quoted(reason)
            ends += b'}],"usage":' + on_last + b"}\n\n"
        if shows_usage and not self._manner.usage_on_last:
            ends += self._start + b',"choices":[],"usage":' + usage + b"}\n\n"
        for event in ends.splitlines(keepends=True):
            if event != b"\n":
                self._send(event + b"\n")
        self.done()


def _quoted(text: str) -> bytes:
    # A lone surrogate, which JSON can spell and UTF-8 can not, becomes a question mark.
    return json_text(text).encode(errors="replace")


def play(
    steps: Iterator[Step], stream: Stream, *, clock: Clock, tally: Tally, note_end: Callable[[str], None]
) -> Ending | None:
    """Send the steps as they come; return how the answer was broken off, None if it was not.

    `note_end` is called just before the last byte, so that who reads the end finds it noted.
    """
    reason: str | None = None
    for step in steps:
        if isinstance(step, Say):
            tally.count_text(step.text)
            stream.say(step.text)
        elif isinstance(step, Pause):
            clock.pause(step.seconds)
        elif isinstance(step, Finish):
            reason = step.reason
        elif isinstance(step, End):
            if step.ending is Ending.DONE:
                note_end(journal.ANSWERED)
                stream.done()
            elif step.ending is Ending.EOF:
                note_end(journal.CUT)
                stream.close_body()
            return step.ending
        else:
            tally.count(step)
            stream.write(step)
    note_end(journal.ANSWERED)
    stream.finish(reason, tally)
    return None


class ChatObject:
    """An answer of the chat format as one JSON object."""

    def __init__(self, chat: Chat, *, manner: Manner, request_id: str) -> None:
        self._chat = chat
        self._manner = manner
        self._request_id = request_id

    def take(self, step: Step) -> None:
        """Everything that it needs is in the tally."""

    def body(self, reason: str | None, tally: Tally) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": tally.text or None}
        message |= {"refusal": None, "annotations": []}
        if tally.thinking:
            message["reasoning_content"] = tally.thinking
        if tally.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in tally.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None}
        choice["finish_reason"] = reason if self._manner.ends else None
        answer: dict[str, Any] = {"id": f"chatcmpl-{self._request_id}", "object": "chat.completion"}
        answer |= {"created": int(time.time()), "model": self._chat.model, "choices": [choice]}
        if self._manner.usage:
            answer["usage"] = tally.usage()
        return json_bytes(answer)


class _ChatFormat:
    def read(self, body: bytes, content_type: str) -> Chat:
        chat = checks.read_chat(body, content_type, models=MODELS)
        if MODELS[chat.model].only_responses:
            raise Refusal(
                404,
                "This model is only supported in v1/responses and not in v1/chat/completions.",
                kind="invalid_request_error",
                code=None,
                param="model",
                relayed=True,
            )
        return chat

    def stream(
        self, chat: Chat, *, peer: Peer, manner: Manner, head: bytes, chunked: bool, request_id: str
    ) -> EventStream:
        return EventStream(chat, peer=peer, manner=manner, head=head, chunked=chunked, request_id=request_id)

    def whole(self, chat: Chat, *, manner: Manner, request_id: str) -> ChatObject:
        return ChatObject(chat, manner=manner, request_id=request_id)


chat_format = _ChatFormat()
