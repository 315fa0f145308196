"""The making of one answer, in a thread of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from conversations.chainhub import events
from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.client import Answer
from conversations.chainhub.errors import (
    Cancelled,
    ChainHubError,
    ConnectionFailed,
    StreamBroken,
)
from conversations.chainhub.messages import ChatRequest
from conversations.chainhub.retries import delay_before
from conversations.generation import explaining, finishing, requests
from conversations.generation.drafting import Draft
from conversations.generation.finishing import Outcome, SaidPart
from conversations.generation.writer import Writer
from conversations.models import Call, GatewayKey, Generation, GenerationState, Model, PartKind, Purpose
from conversations.services import calls, connections, files, gateway
from conversations.services.errors import Refused

logger = logging.getLogger(__name__)

ATTEMPTS = 3
_WRITE_AGAIN_AFTER = 1.0
_WRITE_TRIES = 60


@dataclass
class Received:
    """What one request has brought, beside the text."""

    usage: events.Usage | None = None
    model: str = ""
    finish_reason: str = ""


class Answering:
    """Makes the answer of one claimed generation. `run` returns when it is final, whatever happens."""

    def __init__(self, generation: Generation, writer: Writer) -> None:
        self.generation = generation
        self.cancellation = Cancellation()
        self.is_lost = False
        self.is_shutdown = False
        self._writer = writer
        self.draft = Draft(generation.pk, generation.message.conversation_id, self._store_picture)
        self._close_call: Callable[[], object] = lambda: None
        self._has_spoken = False

    def cancel(self, *, lost: bool = False, shutdown: bool = False) -> None:
        """End it from another thread: a person's stop, a lease that is gone, or the end of the process."""
        self.is_lost = self.is_lost or lost
        self.is_shutdown = self.is_shutdown or shutdown
        self.cancellation.cancel()

    def run(self) -> None:
        self._tell(state=GenerationState.RUNNING)
        try:
            outcome = self._answer()
        except Exception:
            logger.exception("Generation %s broke", self.generation.pk)
            outcome = _failed("internal", explaining.sentence_of_kind("internal"))
        self._writer.retire(self.draft)
        if self.is_lost:
            logger.warning("Generation %s lost its lease; another engine has ended it", self.generation.pk)
            self._close_call()
            return
        self._make_final(outcome)

    # --- Asking ------------------------------------------------------------------------------------

    def _answer(self) -> Outcome:
        try:
            model = self._model()
            request = requests.request_for(self.generation, model=model)
            return self._ask(request, model)
        except Refused as refusal:
            return _failed(getattr(refusal, "kind", "no_key"), str(refusal))
        except Cancelled:
            return self._ended_from_outside()
        except ChainHubError as error:
            return self._outcome_of(error)

    def _model(self) -> Model:
        model = self.generation.model
        if model is None:
            raise Refused(f"{self.generation.model_name} was removed. Choose another model.")
        return model

    def _ask(self, request: ChatRequest, model: Model) -> Outcome:
        attempt = 1
        while True:
            self.cancellation.raise_if_cancelled()
            try:
                reason = self._attempt(request, model, attempt)
            except Cancelled:
                raise
            except ChainHubError as error:
                seconds = delay_before(attempt + 1, error, scale=settings.GATEWAY_RETRY_SCALE)
                # After the first word nothing is asked again by itself.
                if seconds is None or self.draft.parts:
                    raise
                self._close_call()
                self._wait(error, seconds, attempt)
                attempt += 1
            else:
                return Outcome(GenerationState.SUCCEEDED, finish_reason=reason)

    def _wait(self, error: ChainHubError, seconds: float, attempt: int) -> None:
        note = explaining.retrying(error, seconds=seconds, attempt=attempt + 1, attempts=ATTEMPTS)
        self._tell(note=note)
        connections.let_go()
        self.cancellation.wait(seconds)
        self._tell(note="")

    def _attempt(self, request: ChatRequest, model: Model, attempt: int) -> str:
        """Send the request once; return the finish reason. The row of the call is closed by `_close_call`."""
        key = gateway.key_for(model)
        client = gateway.client_for(key)
        call = calls.begin(
            purpose=Purpose.ANSWER,
            generation=self.generation,
            attempt=attempt,
            key=key,
            person=self.generation.asked_by,
            model=model,
            wire=model.wire,
        )
        began = time.monotonic()
        received = Received()
        answer: Answer | None = None
        error: ChainHubError | None = None
        connections.let_go()
        try:
            with client.open_answer(request, cancellation=self.cancellation) as answer:
                for event in answer:
                    self._take(event, received)
            gateway.note_success(key)
            return received.finish_reason
        except ChainHubError as failure:
            error = failure
            self._note_problem(key, failure)
            raise
        finally:
            self._close_call = partial(_end, call, answer, error, received, began)

    def _take(self, event: events.Event, received: Received) -> None:
        match event:
            case events.TextDelta(text):
                self.draft.add(PartKind.TEXT, text)
            case events.ThinkingDelta(text):
                self.draft.add(PartKind.THINKING, text)
            case events.RefusalDelta(text):
                self.draft.add(PartKind.REFUSAL, text)
            case events.Restarted():
                self.draft.set_aside()
            case events.Started(_, model):
                received.model = model or received.model
                return
            case events.Usage():
                received.usage = event
                return
            case events.Finished(reason):
                received.finish_reason = reason
                return
            case _:
                return
        is_first = not self._has_spoken
        self._has_spoken = True
        self._writer.note(self.draft, is_urgent=is_first)

    def _note_problem(self, key: GatewayKey, error: ChainHubError) -> None:
        gateway.note_problem(key, error)
        logger.info(
            "Generation %s: %s from %s (%s)", self.generation.pk, error.kind, key.name, error.request_id
        )

    # --- Ending ------------------------------------------------------------------------------------

    def _ended_from_outside(self) -> Outcome:
        if self.is_shutdown:
            return Outcome(
                GenerationState.INTERRUPTED,
                error_kind="engine_stopped",
                error_text=explaining.interrupted(by_restart=True),
            )
        return Outcome(GenerationState.STOPPED)

    def _outcome_of(self, error: ChainHubError) -> Outcome:
        # Text came and the format's end marker did not, whatever the cause: interrupted.
        if isinstance(error, StreamBroken | ConnectionFailed) and self.draft.has_text:
            return Outcome(
                GenerationState.INTERRUPTED,
                error_kind=error.kind,
                error_text=explaining.interrupted(by_restart=False),
                error_detail=error.message,
            )
        return _failed(error.kind, explaining.sentence_for(error), error.message)

    def _make_final(self, outcome: Outcome) -> None:
        """Write the end. A database that can't be written (a full disk) is asked again for a minute."""
        self.draft.complete()
        parts = [SaidPart(p.kind, p.text, p.started_at, p.ended_at) for p in self.draft.parts]
        for _ in range(_WRITE_TRIES):
            try:
                finishing.finish(
                    self.generation,
                    outcome,
                    parts,
                    first_token_at=self.draft.first_text_at,
                    also=self._close_call,
                )
                return
            except DatabaseError:
                logger.exception("The end of generation %s could not be written", self.generation.pk)
                time.sleep(_WRITE_AGAIN_AFTER)

    def _tell(self, **news: object) -> None:
        self.draft.tell(**news)
        self._writer.note(self.draft)

    def _store_picture(self, content: bytes, media_type: str) -> UUID | None:
        try:
            return files.keep_picture_of_model(self.generation.message, content, media_type).public_id
        except Refused:
            logger.warning("Generation %s: a picture of the model could not be read", self.generation.pk)
            return None


def _failed(kind: str, sentence: str, detail: str = "") -> Outcome:
    return Outcome(GenerationState.FAILED, error_kind=kind, error_text=sentence, error_detail=detail)


def _end(
    call: Call, answer: Answer | None, error: ChainHubError | None, received: Received, began: float
) -> None:
    first = answer.first_byte_at if answer else None
    calls.end(
        call,
        status=(answer.status if answer else None) or getattr(error, "status", None),
        request_id=(answer.request_id if answer else "") or (error.request_id if error else ""),
        error_kind=error.kind if error else "",
        first_token_ms=round((first - began) * 1000) if first else None,
        total_ms=round((time.monotonic() - began) * 1000),
        usage=received.usage,
        model_answered=received.model,
    )
