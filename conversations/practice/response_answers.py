"""Turn the steps of a script into bytes of the Responses format: an event stream, or one JSON object."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from conversations.practice.bodies import Body
from conversations.practice.chats import Chat
from conversations.practice.peer import Peer
from conversations.practice.refusals import Refusal, error_body, json_bytes
from conversations.practice.response_items import Event, Items, status_of, usage_of
from conversations.practice.response_questions import read_question
from conversations.practice.steps import Fault, Manner, Restart, Say, Step
from conversations.practice.tallies import Tally

_WITH_RESPONSE = ("response.created", "response.in_progress", "response.completed", "response.incomplete")
_numbers = itertools.count(1)


class ResponseStream(Body):
    """One answer as semantic events."""

    def __init__(
        self, chat: Chat, *, peer: Peer, manner: Manner, head: bytes, chunked: bool, request_id: str
    ) -> None:
        super().__init__(peer=peer, manner=manner, head=head, chunked=chunked, request_id=request_id)
        self._chat = chat
        self._begin(f"resp_{request_id}")

    def _begin(self, answer_id: str) -> None:
        self._items = Items(self._chat, answer_id=answer_id)
        self._has_begun = False
        self._number = 0

    def say(self, text: str) -> None:
        self.write(Say(text))

    def write(self, step: Step) -> None:
        if not self._has_begun:
            self._has_begun = True
            if self._manner.pings:
                self._send(b": PING\n\n")
            response = self._items.response("in_progress", usage=None)
            self._tell([{"type": kind, "response": response} for kind in _WITH_RESPONSE[:2]])
        if isinstance(step, Restart):
            self._begin(f"resp_restarted{next(_numbers)}")
        elif isinstance(step, Fault):
            self._write_fault(step)
        else:
            self._tell(self._items.take(step))

    def _write_fault(self, fault: Fault) -> None:
        message = f"{fault.message} (request id: {self._request_id})"
        if fault.bare:
            self._send(error_body(message, kind=fault.kind, code=fault.code, param="") + b"\n")
        elif fault.failed:
            error = {"code": fault.code or fault.kind, "message": message}
            response = self._items.response("failed", usage=None) | {"error": error}
            self._tell([{"type": "response.failed", "response": response}])
        else:
            code = fault.code or fault.kind
            self._tell([{"type": "error", "code": code, "message": message, "param": None}])

    def finish(self, reason: str | None, tally: Tally) -> None:
        """Close the items and tell the whole. The end of the body is the end: there is no `[DONE]`."""
        if reason is None:
            self.done()
            return
        status = status_of(reason)
        self._tell(self._items.close(status=status))
        if self._manner.ends:
            usage = usage_of(tally) if self._manner.usage else None
            response = self._items.response(status, reason=reason, usage=usage)
            self._tell([{"type": f"response.{status}", "response": response}])
        self.close_body()

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            kind = event["type"]
            number, self._number = self._number, self._number + 1
            if self._chat.loses_events and kind in _WITH_RESPONSE:
                # The gateway can not read them, and so does not pass them on (§7.1).
                continue
            event = {"type": kind, "sequence_number": number} | event
            self._send(f"event: {kind}\ndata: ".encode() + json_bytes(event) + b"\n\n")
            if self._manner.pings and self._sent % 5 == 0:
                self._send(b": PING\n\n")


class ResponseObject:
    """One answer as one JSON object."""

    def __init__(self, chat: Chat, *, manner: Manner, request_id: str) -> None:
        self._chat = chat
        self._manner = manner
        self._answer_id = f"resp_{request_id}"
        self._items = Items(chat, answer_id=self._answer_id)

    def take(self, step: Step) -> None:
        if isinstance(step, Restart):
            self._items = Items(self._chat, answer_id=self._answer_id)
        for _ in self._items.take(step):
            pass

    def body(self, reason: str | None, tally: Tally) -> bytes:
        if self._chat.loses_events:
            raise Refusal(
                500, "json: cannot unmarshal into Go struct field", code="bad_response_body", param=""
            )
        status = status_of(reason if self._manner.ends else None)
        for _ in self._items.close(status="incomplete" if status == "incomplete" else "completed"):
            pass
        usage = usage_of(tally) if self._manner.usage else None
        return json_bytes(self._items.response(status, reason=reason, usage=usage))


class _ResponseFormat:
    def read(self, body: bytes, content_type: str) -> Chat:
        return read_question(body, content_type)

    def stream(
        self, chat: Chat, *, peer: Peer, manner: Manner, head: bytes, chunked: bool, request_id: str
    ) -> ResponseStream:
        return ResponseStream(
            chat, peer=peer, manner=manner, head=head, chunked=chunked, request_id=request_id
        )

    def whole(self, chat: Chat, *, manner: Manner, request_id: str) -> ResponseObject:
        return ResponseObject(chat, manner=manner, request_id=request_id)


response_format = _ResponseFormat()
