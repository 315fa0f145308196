"""Titles by a model, where one is set: a call of its own, after the first answer, in nobody's way."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.db import close_old_connections

from conversations.chainhub import events
from conversations.chainhub.errors import ChainHubError
from conversations.chainhub.messages import ChatRequest
from conversations.generation import failover, requests
from conversations.models import Generation, GenerationState, Message, Model, PartKind, Purpose, TitleSource
from conversations.services import calls, estimating, pool, titles
from conversations.services.errors import Refused

logger = logging.getLogger(__name__)


def is_wanted(generation: Generation) -> bool:
    """Whether this was the first answer of a conversation that still has its question's first words."""
    message = generation.message
    conversation = message.conversation
    return (
        bool(settings.TITLE_MODEL)
        and message.depth == 1
        and conversation.title_source == TitleSource.FIRST_WORDS
    )


def find_title(generation_id: int) -> None:
    """Ask the title model, and name the conversation. A failure costs nothing but a line in the log."""
    try:
        generation = Generation.objects.select_related("message__parent", "message__conversation").get(
            pk=generation_id
        )
        if generation.state == GenerationState.SUCCEEDED:
            _name(generation)
    except (ChainHubError, Refused) as error:
        logger.warning("No title for generation %s: %s", generation_id, getattr(error, "kind", error))
    except Exception:
        logger.exception("The title for generation %s broke", generation_id)
    finally:
        close_old_connections()


def _name(generation: Generation) -> None:
    model = Model.objects.served().filter(name=settings.TITLE_MODEL).first()
    if model is None:
        logger.warning("TITLE_MODEL=%s is served by no key", settings.TITLE_MODEL)
        return
    question = _text(generation.message.parent)
    request = requests.title_request(question, _text(generation.message), model=model)
    title = _ask(generation, model, request)
    titles.name_by_model(generation.message.conversation, title=title)


def _ask(generation: Generation, model: Model, request: ChatRequest) -> str:
    tries = failover.Tries(model, person=generation.asked_by)
    while True:
        step = tries.next()
        if isinstance(step, failover.Wait):
            # A title is not worth a wait: the question's first words stand there already.
            raise pool.NoKeyLeft("No key can be asked for a title just now.")
        try:
            title = _attempt(generation, model, request, step, tries.attempt)
        except ChainHubError as error:
            if not tries.failed(step, error):
                raise
        else:
            tries.succeeded(step)
            return title


def _attempt(
    generation: Generation, model: Model, request: ChatRequest, step: failover.Ask, attempt: int
) -> str:
    call = calls.begin(
        purpose=Purpose.TITLE,
        generation=generation,
        attempt=attempt,
        key=step.key,
        person=generation.asked_by,
        model=model,
        wire=model.wire,
    )
    began = time.monotonic()
    said: list[str] = []
    usage: events.Usage | None = None
    kind = ""
    is_free = False
    answer = None
    try:
        with step.client.open_answer(request) as answer:
            for event in answer:
                if isinstance(event, events.TextDelta):
                    said.append(event.text)
                elif isinstance(event, events.Usage):
                    usage = event
    except ChainHubError as error:
        kind = error.kind
        is_free = not error.may_be_billed
        raise
    finally:
        calls.end(
            call,
            status=answer.status if answer else None,
            request_id=answer.request_id if answer else "",
            error_kind=kind,
            total_ms=round((time.monotonic() - began) * 1000),
            usage=usage,
            estimate=None if is_free or calls.is_told(usage) else estimating.usage_of(request, said),
            is_free=is_free,
        )
    return "".join(said)


def _text(message: Message | None) -> str:
    if message is None:
        return ""
    parts = message.parts.filter(kind=PartKind.TEXT).order_by("position")
    return "".join(parts.values_list("text", flat=True))
