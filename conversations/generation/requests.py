"""From a branch of messages to what a model is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from conversations.chainhub import messages as wire
from conversations.generation import model_limits, windows
from conversations.models import (
    Attachment,
    Generation,
    Hint,
    Message,
    Model,
    Part,
    PartKind,
    Role,
    ToolCall,
    ToolCallState,
)
from conversations.services import assistants, estimating, files, joining
from conversations.tools import offering

# No gateway promises to go on with an assistant's message that stands last: some upstreams refuse it, others
# answer it. A short word of the person after it is understood by all, in both formats.
_GO_ON = (
    "Continue your last answer exactly where it broke off, beginning with the very next character. "
    "No apology, no comment, and nothing of what was said already. It broke off after these words: …{end}"
)
_QUOTED_END = 80
_SUMMARY = "[The earlier part of this conversation was left out here. A model's summary of it:]\n\n{text}"
_HINTS = {
    Hint.SHORTER: "Answer in far fewer words than you usually would.",
    Hint.LONGER: "Answer at length and in more detail than you usually would.",
    Hint.SIMPLER: "Answer in plain words, for somebody who knows nothing of the subject.",
    Hint.CAREFUL: "Take your time, check every step and every fact, and say what is not certain.",
}
_PICTURE_MARK = re.compile(r"!\[([^\]]*)\]\(attachment:[0-9a-fA-F-]{36}\)")
# What the person set, under the names of the gateway's chat format (chat-completions.md, section 1).
_PARAMETERS = ("temperature", "max_tokens", "reasoning_effort")


@dataclass(frozen=True)
class Fitted:
    """A request that fits its model, and what of the conversation is in it."""

    request: wire.ChatRequest
    window: windows.Window


def request_for(generation: Generation, *, model: Model) -> wire.ChatRequest:
    """Return the request that asks for this answer: system prompt, then the branch up to its question.

    Raises fitting.TooLong where its model takes less than what has to go out.
    """
    return fitted(generation, model=model).request


def fitted(generation: Generation, *, model: Model) -> Fitted:
    """Return the request, and what was chosen to go out with it. Raises as `request_for`."""
    frame = _frame(generation, model)
    window = windows.window_of(_look(generation, model, frame))
    messages = [*frame.system, *_hinted(_branch(window, model), str(generation.parameters.get("hint", "")))]
    messages += frame.own
    return Fitted(
        wire.ChatRequest(
            model=model.name,
            messages=tuple(messages if model.has_tools else model_limits.without_tools(messages)),
            stream=model.is_streaming,
            parameters=frame.parameters,
            tools=frame.tools,
            tool_choice="auto" if frame.tools else None,
            thinks=True if model.has_thinking else None,
        ),
        window,
    )


def look_for(generation: Generation, *, model: Model) -> windows.Look:
    """Return the branch above the answer by its counts, and how much of it there is room for."""
    return _look(generation, model, _frame(generation, model))


@dataclass(frozen=True)
class _Frame:
    """What goes out however long the conversation is."""

    system: list[wire.Message]
    own: list[wire.Message]
    tools: tuple[wire.Tool, ...]
    parameters: dict[str, Any]


def _frame(generation: Generation, model: Model) -> _Frame:
    chosen = generation.parameters
    conversation = generation.message.conversation
    may_call = model.has_tools
    tools = offering.chosen_for(conversation, generation.asked_by, answer=chosen) if may_call else []
    system = assistants.system_of(chosen)
    is_begun = generation.settled_seq or generation.attempt > 1
    own = {name: chosen[name] for name in _PARAMETERS if chosen.get(name) is not None}
    return _Frame(
        system=[wire.Message("system", (wire.Text(system),))] if system else [],
        own=_own(generation) if is_begun else [],
        tools=tuple(wire.Tool(tool.name, tool.description, tool.parameters) for tool in tools),
        parameters=model_limits.parameters_of(model, own),
    )


def _look(generation: Generation, model: Model, frame: _Frame) -> windows.Look:
    fixed = wire.ChatRequest(model.name, (*frame.system, *frame.own), tools=frame.tools)
    return windows.look(
        generation.message.parent_id,
        model=model,
        output=model_limits.longest_answer(frame.parameters),
        fixed=estimating.tokens_of(fixed),
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


def _hinted(messages: list[wire.Message], hint: str) -> list[wire.Message]:
    """Put the hint of a regenerate behind the question; no message of the conversation holds it."""
    if hint not in _HINTS or not messages or messages[-1].role != "user":
        return messages
    question = messages[-1]
    return [*messages[:-1], wire.Message("user", (*question.parts, wire.Text(_HINTS[Hint(hint)])))]


def _own(generation: Generation) -> list[wire.Message]:
    """Return what this answer has said so far: before it was cut, and in its own earlier rounds."""
    own = Message.objects.prefetch_related("parts__tool_call").get(pk=generation.message_id)
    parts = _in_order(own)
    before = [part for part in parts if part.generation_id != generation.pk] if generation.attempt > 1 else []
    since = [part for part in parts if part not in before]
    messages: list[wire.Message] = []
    if said := _parts_of(before, is_cut=True):
        last = said[-1]
        end = last.text[-_QUOTED_END:] if isinstance(last, wire.Text) else ""
        messages += [
            wire.Message("assistant", said),
            wire.Message("user", (wire.Text(_GO_ON.format(end=end)),)),
        ]
    if said := _parts_of(since, is_own=True):
        messages.append(wire.Message("assistant", said))
    return messages


def _branch(window: windows.Window, model: Model) -> list[wire.Message]:
    """Return what goes out of the branch; no other message is loaded."""
    messages = Message.objects.filter(pk__in=window.ids).order_by("depth")
    said: list[wire.Message] = []
    for message in messages.prefetch_related("parts__tool_call", "attachments__file"):
        if message.pk == window.behind_summary:
            said.append(wire.Message("user", (wire.Text(_SUMMARY.format(text=window.summary)),)))
        if words := _said(message, model=model):
            said.append(words)
    return said


def _said(message: Message, *, model: Model) -> wire.Message | None:
    """Return the message as the model gets it, or None for one that says nothing (a failed answer)."""
    if message.role == Role.ASSISTANT:
        said = _parts_of(_in_order(message))
        return wire.Message("assistant", said) if said else None
    texts = [part.text for part in _in_order(message) if part.kind == PartKind.TEXT]
    parts: list[wire.Part] = [wire.Text(text) for text in texts]
    attachments = sorted(message.attachments.all(), key=lambda attachment: attachment.position)
    parts += [_picture(attachment, model=model) for attachment in attachments]
    return wire.Message("user", tuple(parts)) if parts else None


def _parts_of(parts: list[Part], *, is_own: bool = False, is_cut: bool = False) -> tuple[wire.Part, ...]:
    """Return what an answer said and asked for, in order; results stand behind the calls of their round.

    `is_own`: its thoughts, too. `is_cut`: the white space at the end of its texts counts.
    """
    said: list[wire.Part] = []
    results: list[wire.Part] = []
    round_of_results = 0
    for run in joining.runs(parts):
        part = run.head
        if results and (part.kind != PartKind.TOOL_CALL or part.round != round_of_results):
            said, results = said + results, []
        if part.kind == PartKind.TEXT:
            text = _PICTURE_MARK.sub(r"[picture \1]", run.text).lstrip()
            text = text if is_cut else text.rstrip()
            said += [wire.Text(text)] if text else []
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
