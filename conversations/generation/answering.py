"""The making of one answer, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import UUID

from django.db import DatabaseError

from conversations.chainhub import events, wires
from conversations.chainhub.cancellation import Cancellation
from conversations.chainhub.client import Answer
from conversations.chainhub.errors import (
    Cancelled,
    ChainHubError,
    ConnectionFailed,
    ReasoningRefused,
    StreamBroken,
)
from conversations.chainhub.messages import ChatRequest
from conversations.generation import (
    continuing,
    explaining,
    failover,
    finishing,
    model_limits,
    requests,
    rounds,
    summarising,
    windows,
)
from conversations.generation.drafting import Draft
from conversations.generation.finishing import Outcome
from conversations.generation.writer import Writer
from conversations.models import Call, Generation, GenerationState, Model, Part, PartKind, Purpose
from conversations.services import calls, connections, estimating, files, gateway
from conversations.services.errors import Refused

logger = logging.getLogger(__name__)

_WRITE_AGAIN_AFTER = 1.0
_WRITE_TRIES = 60


@dataclass
class Received:
    """What one request has brought, beside the text."""

    usage: events.Usage | None = None
    model: str = ""
    finish_reason: str = ""
    # All that the model has put out, in case nobody tells how many tokens it was.
    said: list[str] = field(default_factory=list)

    def hear(self, event: events.Event) -> None:
        match event:
            case events.TextDelta(text) | events.ThinkingDelta(text) | events.RefusalDelta(text):
                self.said.append(text)
            case events.ToolCallDelta(_, _, name, arguments):
                self.said += [name, arguments]


class Answering:
    """Makes the answer of one claimed generation. `run` returns when it is final, whatever happens."""

    def __init__(self, generation: Generation, writer: Writer) -> None:
        self.generation = generation
        self.cancellation = Cancellation()
        self.is_lost = False
        self.is_shutdown = False
        self._writer = writer
        self.draft = Draft(
            generation.pk,
            generation.message.conversation_id,
            self._store_picture,
            seq=generation.settled_seq,
            settled=Part.objects.filter(message=generation.message_id).count(),
            continued=continuing.said_before(generation),
        )
        self._close_call: Callable[[], object] = lambda: None
        self._has_spoken = False
        # Keys that were refused: none is asked twice for one generation, whatever the number of its rounds.
        self._refused: set[int] = set()

    def cancel(self, *, lost: bool = False, shutdown: bool = False) -> None:
        """End it from another thread: a person's stop, a lease that is gone, or the end of the process."""
        self.is_lost = self.is_lost or lost
        self.is_shutdown = self.is_shutdown or shutdown
        self.cancellation.cancel()

    def run(self) -> None:
        # An answer that goes on stands on the pages as one that has ended: they draw it anew.
        is_drawn_anew = {"redraw": True} if self.generation.attempt > 1 else {}
        self._tell(state=GenerationState.RUNNING, **is_drawn_anew)
        try:
            outcome = self._answer()
        except rounds.LeaseLost:
            self.is_lost = True
            outcome = None
        except Exception:
            logger.exception("Generation %s broke", self.generation.pk)
            outcome = _failed("internal", explaining.sentence_of_kind("internal"))
        self._writer.retire(self.draft)
        if outcome is None and not self.is_lost:
            finishing.wait_for_a_person(self.generation, seq=self.draft.seq)
            return
        if self.is_lost:
            logger.warning("Generation %s lost its lease; another engine has ended it", self.generation.pk)
            self._close_call()
            return
        assert outcome is not None  # noqa: S101 - only a lost lease and a waiting turn have none
        self._make_final(outcome)

    # --- Asking ------------------------------------------------------------------------------------

    def _answer(self) -> Outcome | None:
        """Ask, run the tools that are asked for, ask again; None where a person has to decide first."""
        try:
            model = self._model()
            while True:
                if not self._tools_are_done(model):
                    return None
                model_limits.refuse_what_was_taken_away(self.generation, model)
                reason = self._ask(self._request(model), model)
                if not self.draft.has_calls:
                    return Outcome(GenerationState.SUCCEEDED, finish_reason=reason)
                self._settle(model)
                if rounds.is_over_the_limits(self.generation):
                    rounds.stop_undone(self.generation)
                    return _failed("tool_limit", explaining.sentence_of_kind("tool_limit"))
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

    def _request(self, model: Model) -> ChatRequest:
        """Build what goes out next, and keep what of the conversation is in it."""
        fitted = requests.fitted(self.generation, model=model)
        if summarising.is_wanted(fitted.window):
            summarising.see_to(self.generation, model, cancellation=self.cancellation, tell=self._tell)
            fitted = requests.fitted(self.generation, model=model)
        windows.keep(self.generation, fitted.window.told)
        return fitted.request

    def _tools_are_done(self, model: Model) -> bool:
        if not self.generation.settled_seq:
            return True
        stopped = threading.Event()
        self.cancellation.watch(stopped.set)
        try:
            return rounds.run_what_waits(
                self.generation,
                stopped=stopped,
                secrets=gateway.stored_secrets(),
                on_change=lambda: self._tell(redraw=True),
            )
        finally:
            self.cancellation.forget(stopped.set)

    def _settle(self, model: Model) -> None:
        with self._writer.settling(self.draft):
            self.draft.complete()
            rounds.settle(self.generation, self.draft, wire=model.wire, also=self._close_call)
            self.draft.begin_round()
        self._tell(redraw=True)

    def _ask(self, request: ChatRequest, model: Model) -> str:
        """Send the request until an answer has come; return its finish reason. Raises what ended it."""
        tries = failover.Tries(model, person=self.generation.asked_by, refused=self._refused)
        while True:
            self.cancellation.raise_if_cancelled()
            step = tries.next()
            if isinstance(step, failover.Wait):
                self._wait(step)
                continue
            try:
                reason = self._attempt(request, model, step, tries.attempt)
            except Cancelled:
                raise
            except ReasoningRefused:
                # Refused before any work: once more without the items that it does not know any more.
                if request.without_opaque:
                    raise
                self._close_call()
                request = replace(request, without_opaque=True)
            except ChainHubError as error:
                # After the first word nothing is asked again by itself.
                if not tries.failed(step, error) or self.draft.parts or self.draft.has_text:
                    raise
                self._close_call()
            else:
                tries.succeeded(step)
                return reason

    def _wait(self, step: failover.Wait) -> None:
        self._tell(note=step.note)
        connections.let_go()
        self.cancellation.wait(step.seconds)
        self._tell(note="")

    def _attempt(self, request: ChatRequest, model: Model, step: failover.Ask, attempt: int) -> str:
        """Send the request once; return the finish reason. The row of the call is closed by `_close_call`."""
        call = calls.begin(
            purpose=Purpose.ANSWER,
            generation=self.generation,
            attempt=attempt,
            key=step.key,
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
            with step.client.open_answer(
                request, wire=wires.by_name(model.wire), cancellation=self.cancellation
            ) as answer:
                for event in answer:
                    had_spoken = self._has_spoken
                    self._take(event, received)
                    if self._has_spoken and not had_spoken:
                        # The first word at once; then no more often than the writer writes.
                        answer.gather(lambda: self._writer.interval / 2)
            return received.finish_reason
        except ChainHubError as failure:
            error = failure
            logger.info(
                "Generation %s: %s from %s (%s)",
                self.generation.pk,
                failure.kind,
                step.key.name,
                failure.request_id,
            )
            raise
        finally:
            # Counted here, before the transaction that makes all of it final.
            estimate = _estimate(request, received, error)
            self._close_call = partial(_end, call, answer, error, received, began, estimate)

    def _take(self, event: events.Event, received: Received) -> None:
        is_news = True
        received.hear(event)
        match event:
            case events.TextDelta(text):
                is_news = self.draft.add(PartKind.TEXT, text)
            case events.ThinkingDelta(text):
                is_news = self.draft.add(PartKind.THINKING, text)
            case events.RefusalDelta(text):
                is_news = self.draft.add(PartKind.REFUSAL, text)
            case events.ToolCallDelta(key, call_id, name, arguments):
                self.draft.add_call(key, call_id=call_id, name=name, arguments=arguments)
                return
            case events.Opaque(_, data):
                self.draft.add_opaque(data)
                return
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
        if is_news:
            self._writer.note(self.draft, is_urgent=not self._has_spoken)
            self._has_spoken = True

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
        if outcome.state != GenerationState.SUCCEEDED:
            rounds.stop_undone(self.generation)
        wire = self.generation.model.wire if self.generation.model else ""
        parts = rounds.said(self.draft.parts, wire)
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


def _estimate(request: ChatRequest, received: Received, error: ChainHubError | None) -> events.Usage | None:
    """Return what it may have used, where the gateway may have worked and has not told how much."""
    if calls.is_told(received.usage):
        return None
    if error is not None and not error.may_be_billed and not received.said:
        return None
    return estimating.usage_of(request, received.said)


def _end(
    call: Call,
    answer: Answer | None,
    error: ChainHubError | None,
    received: Received,
    began: float,
    estimate: events.Usage | None = None,
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
        estimate=estimate,
        is_free=error is not None and not error.may_be_billed,
        model_answered=received.model,
    )
