"""From a branch of messages to what a model is asked."""

from __future__ import annotations

import re
from typing import Any

from conversations.chainhub import messages as wire
from conversations.models import Attachment, Generation, Message, Model, PartKind, Role
from conversations.services import files, tree

_PICTURE_MARK = re.compile(r"!\[([^\]]*)\]\(attachment:[0-9a-fA-F-]{36}\)")
# What the person set, under the names of the gateway's chat format (chat-completions.md, section 1).
_PARAMETERS = ("temperature", "max_tokens", "reasoning_effort")


def request_for(generation: Generation, *, model: Model) -> wire.ChatRequest:
    """Return the request that asks for this answer: system prompt, then the branch up to its question."""
    chosen = generation.parameters
    messages: list[wire.Message] = []
    if system := str(chosen.get("system", "")).strip():
        messages.append(wire.Message("system", (wire.Text(system),)))
    parent_id = generation.message.parent_id
    if parent_id is not None:
        messages += [said for message in _branch(parent_id) if (said := _said(message, model=model))]
    parameters: dict[str, Any] = dict(model.default_parameters)
    parameters |= {name: chosen[name] for name in _PARAMETERS if chosen.get(name) is not None}
    return wire.ChatRequest(
        model=model.name, messages=tuple(messages), stream=model.is_streaming, parameters=parameters
    )


def title_request(question: str, answer: str, *, model: Model) -> wire.ChatRequest:
    """Return the request that asks for a title of a conversation that began like this."""
    instruction = (
        "Give this conversation a title of two to six words, in its language. Answer with the title alone."
    )
    beginning = f"Question:\n{question[:2000]}\n\nAnswer:\n{answer[:2000]}"
    messages = (
        wire.Message("system", (wire.Text(instruction),)),
        wire.Message("user", (wire.Text(beginning),)),
    )
    return wire.ChatRequest(model=model.name, messages=messages, stream=False, parameters={"max_tokens": 40})


def _branch(leaf_id: int) -> list[Message]:
    messages = Message.objects.filter(pk__in=tree.branch_ids(leaf_id)).order_by("depth")
    return list(messages.prefetch_related("parts", "attachments__file"))


def _said(message: Message, *, model: Model) -> wire.Message | None:
    """Return the message as the model gets it, or None for one that says nothing (a failed answer)."""
    texts = [part.text for part in _in_order(message) if part.kind == PartKind.TEXT]
    if message.role == Role.ASSISTANT:
        text = _PICTURE_MARK.sub(r"[picture \1]", "".join(texts)).strip()
        return wire.Message("assistant", (wire.Text(text),)) if text else None
    parts: list[wire.Part] = [wire.Text(text) for text in texts]
    attachments = sorted(message.attachments.all(), key=lambda attachment: attachment.position)
    parts += [_picture(attachment, model=model) for attachment in attachments]
    return wire.Message("user", tuple(parts)) if parts else None


def _in_order(message: Message) -> list[Any]:
    return sorted(message.parts.all(), key=lambda part: part.position)


def _picture(attachment: Attachment, *, model: Model) -> wire.Part:
    if not model.has_vision:
        return wire.Text("[A picture was attached here, which this model can't see.]")
    if attachment.file is None:
        return wire.Image(attachment.source_url)
    return wire.Image(files.data_uri(attachment.file))
