"""One client's visit: its requests, one after the other, each answered and noted in the journal."""

from __future__ import annotations

import itertools
import socketserver
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from conversations.practice import http_messages, journal, routes
from conversations.practice.bodies import Format
from conversations.practice.chats import Chat
from conversations.practice.delivery import Clock, chat_format, play
from conversations.practice.http_messages import BadRequest, HttpRequest, Reply
from conversations.practice.models import MODELS, PracticeModel
from conversations.practice.peer import ClientWentAway, Peer
from conversations.practice.refusals import Refusal
from conversations.practice.response_answers import response_format
from conversations.practice.steps import End, Ending, Fault, Finish, Pause, Say, Step, Think, Whole
from conversations.practice.tallies import Tally

_FORMATS: dict[tuple[str, str], Format] = {
    ("POST", routes.CHAT): chat_format,
    ("POST", routes.RESPONSES): response_format,
}

if TYPE_CHECKING:
    from conversations.practice.server import PracticeServer


class Visit(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: PracticeServer

    def handle(self) -> None:
        self.peer = Peer(self.connection)
        try:
            while self._serve_next():
                pass
        except (ClientWentAway, BadRequest, OSError):
            pass

    def _serve_next(self) -> bool:
        """Answer one request. Return whether the connection is good for another."""
        request = http_messages.read_head(self.rfile)
        if request is None:
            return False
        answer = Answer(self, request)
        try:
            answer.body = http_messages.read_body(self.rfile, request, self.peer)
        except Refusal as refusal:
            # The body was not read: nothing that follows on this connection makes sense.
            answer.closes = True
            return answer.refuse(refusal)
        return answer.give()

    def close_by_reset(self) -> None:
        self.peer.reset_on_close()
        # The socket closes with its last file; a `shutdown` before that would end it politely.
        self.rfile.close()
        self.connection.close()


class Answer:
    """The answer to one request."""

    def __init__(self, visit: Visit, request: HttpRequest) -> None:
        self._visit = visit
        self._peer = visit.peer
        self._request = request
        self._request_id = http_messages.new_request_id()
        self._entry = journal.Entry(method=request.method, path=request.path, headers=request.headers)
        self._is_streaming_request = False
        self.closes = not request.keeps_alive
        self.body = b""

    def give(self) -> bool:
        """Return whether the connection is good for another request. Raise ClientWentAway."""
        request, server = self._request, self._visit.server
        self._entry.note_body(self.body)
        self._entry.request_id = self._request_id
        if not request.path.startswith(routes.PRACTICE):
            server.journal.add(self._entry)
        try:
            if form := _FORMATS.get((request.method, request.path)):
                routes.check_key(request, server.key)
                return self._answer(form)
            return self._reply(routes.reply_to(request, journal=server.journal, key=server.key))
        except Refusal as refusal:
            return self.refuse(refusal)
        except ClientWentAway:
            self._entry.end(journal.WENT_AWAY)
            raise

    def refuse(self, refusal: Refusal) -> bool:
        """Refuse in the documented shape."""
        body = refusal.body(self._request_id)
        if refusal.relayed and self._is_streaming_request:
            return self._reply(Reply(refusal.status, body, "text/event-stream"))
        return self._reply(Reply(refusal.status, body))

    def _reply(self, reply: Reply) -> bool:
        self._entry.status = reply.status
        self._entry.end(journal.ANSWERED)
        self._peer.send(self._head(reply.status, reply.content_type, len(reply.body)) + reply.body)
        return not self.closes

    def _head(self, status: int, content_type: str, length: int | None) -> bytes:
        return http_messages.head(
            status,
            content_type,
            request_id=self._request_id,
            length=length,
            closes=self.closes,
            chunked=self._request.knows_chunks,
        )

    def _answer(self, form: Format) -> bool:
        chat = form.read(self.body, self._request.headers.get("content-type", ""))
        # A long answer must not hold its pictures for as long as it takes.
        self.body = b""
        self._is_streaming_request = chat.stream
        model = MODELS[chat.model]
        tries = self._visit.server.journal.count_try(f"{chat.model} {chat.question.text}")
        steps = model.script(replace(chat, tries=tries))
        if chat.max_tokens is not None:
            steps = _limited(steps, chat.max_tokens)
        first = next(steps, Finish())
        if isinstance(first, Whole):
            return self._reply(self._whole(first))
        if first == End(Ending.SILENT):
            self._peer.wait(None)
        self._entry.status = 200
        steps = itertools.chain((first,), steps)
        streams = chat.stream if model.manner.streams is None else model.manner.streams
        tally = Tally(chat, self._entry, keep_text=not streams)
        if streams:
            return self._stream(form, chat, model, steps, tally)
        return self._answer_at_once(form, chat, model, steps, tally)

    def _whole(self, whole: Whole) -> Reply:
        is_json = whole.content_type == "application/json"
        as_stream = is_json and self._is_streaming_request
        return Reply(whole.status, whole.body, "text/event-stream" if as_stream else whole.content_type)

    def _stream(
        self, form: Format, chat: Chat, model: PracticeModel, steps: Iterator[Step], tally: Tally
    ) -> bool:
        chunked = self._request.knows_chunks
        self.closes = self.closes or not chunked
        stream = form.stream(
            chat,
            peer=self._peer,
            manner=model.manner,
            head=self._head(200, "text/event-stream", None),
            chunked=chunked,
            request_id=self._request_id,
        )
        clock = Clock(self._peer, speed=self._visit.server.speed)
        ending = play(steps, stream, clock=clock, tally=tally, note_end=self._entry.end)
        if ending in (Ending.CUT, Ending.RESET, Ending.SILENT):
            self._break_off(ending)
            return False
        return not self.closes

    def _break_off(self, ending: Ending) -> None:
        if ending is Ending.SILENT:
            self._peer.wait(None)
        self._entry.end(journal.CUT)
        if ending is Ending.RESET:
            self._visit.close_by_reset()

    def _answer_at_once(
        self, form: Format, chat: Chat, model: PracticeModel, steps: Iterator[Step], tally: Tally
    ) -> bool:
        """One JSON object after the time that a stream would have taken."""
        clock = Clock(self._peer, speed=self._visit.server.speed)
        whole = form.whole(chat, manner=model.manner, request_id=self._request_id)
        reason: str | None = None
        ending: Ending | None = None
        for step in steps:
            if isinstance(step, Pause):
                clock.pause(step.seconds)
            elif isinstance(step, Finish):
                reason = step.reason
            elif isinstance(step, Fault):
                raise Refusal(500, step.message, kind=step.kind, code="bad_response_body", param="")
            elif isinstance(step, End):
                ending = step.ending
            else:
                tally.count(step)
                whole.take(step)
        body = whole.body(reason, tally)
        if ending is None:
            return self._reply(Reply(200, body))
        # Whatever breaks a stream breaks this body in its middle.
        if ending is not Ending.SILENT:
            self.closes = True
            self._peer.send(self._head(200, "application/json", len(body)) + body[: len(body) // 2])
        self._break_off(ending)
        return False


def _limited(steps: Iterator[Step], max_tokens: int) -> Iterator[Step]:
    """Stop at the length limit: one piece of text is one token."""
    left = max_tokens
    for step in steps:
        if isinstance(step, Say | Think):
            if left == 0:
                yield Finish("length")
                return
            left -= 1
        yield step
