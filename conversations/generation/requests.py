"""From a branch of messages to what a model is asked."""

from __future__ import annotations

import re
from typing import Any

from conversations.chainhub import messages as wire
from conversations.models import (
    Attachment,
    Generation,
    Message,
    Model,
    PartKind,
    Role,
    ToolCall,
    ToolCallState,
)
from conversations.services import files, tree
from conversations.tools import offering

_PICTURE_MARK = re.compile(r"!\[([^\]]*)\]\(attachment:[0-9a-fA-F-]{36}\)")
# What the person set, under the names of the gateway's chat format (chat-completions.md, section 1).
_PARAMETERS = ("temperature", "max_tokens", "reasoning_effort")


def request_for(generation: Generation, *, model: Model) -> wire.ChatRequest:
    """Return the request that asks for this answer: system prompt, then the branch up to its question."""
    chosen = generation.parameters
    tools = offering.chosen_for(generation.message.conversation, generation.asked_by)
    messages: list[wire.Message] = []
    if system := str(chosen.get("system", "")).strip():
        messages.append(wire.Message("system", (wire.Text(system),)))
    parent_id = generation.message.parent_id
    if parent_id is not None:
        messages += [said for message in _branch(parent_id) if (said := _said(message, model=model))]
    if generation.settled_seq:
        # Its own earlier rounds: what it said, thought and asked for, and what came back.
        own = Message.objects.prefetch_related("parts__tool_call").get(pk=generation.message_id)
        messages += [wire.Message("assistant", parts)] if (parts := _answer_parts(own, is_own=True)) else []
    parameters: dict[str, Any] = dict(model.default_parameters)
    parameters |= {name: chosen[name] for name in _PARAMETERS if chosen.get(name) is not None}
    return wire.ChatRequest(
        model=model.name,
        messages=tuple(messages),
        stream=model.is_streaming,
        parameters=parameters,
        tools=tuple(wire.Tool(tool.name, tool.description, tool.parameters) for tool in tools),
        tool_choice="auto" if tools else None,
        thinks=True if model.has_thinking else None,
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
    return list(messages.prefetch_related("parts__tool_call", "attachments__file"))


def _said(message: Message, *, model: Model) -> wire.Message | None:
    """Return the message as the model gets it, or None for one that says nothing (a failed answer)."""
    if message.role == Role.ASSISTANT:
        said = _answer_parts(message)
        return wire.Message("assistant", said) if said else None
    texts = [part.text for part in _in_order(message) if part.kind == PartKind.TEXT]
    parts: list[wire.Part] = [wire.Text(text) for text in texts]
    attachments = sorted(message.attachments.all(), key=lambda attachment: attachment.position)
    parts += [_picture(attachment, model=model) for attachment in attachments]
    return wire.Message("user", tuple(parts)) if parts else None


def _answer_parts(message: Message, *, is_own: bool = False) -> tuple[wire.Part, ...]:
    """Return what an answer said and asked for, in order; results stand behind the calls of their round."""
    said: list[wire.Part] = []
    results: list[wire.Part] = []
    round_of_results = 0
    for part in _in_order(message):
        if results and (part.kind != PartKind.TOOL_CALL or part.round != round_of_results):
            said, results = said + results, []
        if part.kind == PartKind.TEXT and (text := _PICTURE_MARK.sub(r"[picture \1]", part.text).strip()):
            said.append(wire.Text(text))
        elif part.kind == PartKind.OPAQUE and part.opaque:
            said.append(wire.OpaqueItem(part.wire, part.opaque))
        elif part.kind == PartKind.THINKING and is_own:
            said.append(wire.Thinking(part.text))
        elif part.kind == PartKind.TOOL_CALL:
            call = part.tool_call
            # Some upstreams give their calls no id; the result has to name one.
            call_id = call.call_id or f"call_{call.public_id.hex}"
            said.append(wire.ToolCall(call_id, call.name, call.arguments_text))
            results.append(wire.ToolResult(call_id, call.name, _result_of(call)))
            round_of_results = part.round
    return tuple(said + results)


def _result_of(call: ToolCall) -> str:
    if call.state == ToolCallState.SUCCEEDED:
        return call.result
    return call.error or "This call was not carried out."


def _in_order(message: Message) -> list[Any]:
    return sorted(message.parts.all(), key=lambda part: part.position)


def _picture(attachment: Attachment, *, model: Model) -> wire.Part:
    if not model.has_vision:
        return wire.Text("[A picture was attached here, which this model can't see.]")
    if attachment.file is None:
        return wire.Image(attachment.source_url)
    return wire.Image(files.data_uri(attachment.file))
