"""A ChatRequest as a body of the chat format."""

from collections.abc import Iterable

from conversations.chainhub import strict_json
from conversations.chainhub.messages import (
    ChatRequest,
    Image,
    Message,
    OpaqueItem,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

# What the request itself says; a parameter of that name cannot replace it.
_OWN = frozenset({"model", "messages", "stream", "stream_options", "tools", "tool_choice"})


def build(request: ChatRequest) -> dict[str, object]:
    """Make the body."""
    body: dict[str, object] = {"model": request.model, "messages": _entries(request.messages)}
    body |= {k: v for k, v in request.parameters.items() if v is not None and k not in _OWN}
    if request.stream:
        # With false or without it the gateway may drop the last chunk, and the finish_reason with it.
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    return body


def _entries(messages: Iterable[Message]) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    for message in messages:
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, OpaqueItem):
                # This format has no place for it.
                continue
            if not isinstance(part, ToolResult):
                parts.append(part)
                continue
            # What the model said before the result is an entry of its own, and so is what it said after.
            if parts:
                _append(entries, message.role, parts)
            parts = []
            entries.append(
                {"role": "tool", "tool_call_id": part.call_id, "name": part.name, "content": part.content}
            )
        if parts or not message.parts:
            _append(entries, message.role, parts)
    return entries


def _append(entries: list[dict[str, object]], role: str, parts: list[Part]) -> None:
    calls = [_call(part) for part in parts if isinstance(part, ToolCall)]
    if not calls:
        entries.append({"role": role, "content": _content(role, parts)})
        return
    previous = entries[-1].get("tool_calls") if entries else None
    if isinstance(previous, list) and len(calls) == len(parts):
        # Calls in a row are one turn: every call must be answered before anything else may follow.
        previous.extend(calls)
        return
    entry: dict[str, object] = {"role": role, "content": _content(role, parts) or None, "tool_calls": calls}
    # DeepSeek and Kimi want their thinking back within a tool turn, and refuse it elsewhere.
    if thinking := "".join(part.text for part in parts if isinstance(part, Thinking)):
        entry["reasoning_content"] = thinking
    entries.append(entry)


def _content(role: str, parts: list[Part]) -> str | list[dict[str, object]]:
    shown = [part for part in parts if isinstance(part, Text | Image)]
    if any(isinstance(part, Image) for part in shown):
        return [_shown(part) for part in shown]
    # The parts of an answer are one text that tools interrupted; those of a question are things put side by
    # side.
    glue = "" if role == "assistant" else "\n\n"
    return glue.join(part.text for part in shown if isinstance(part, Text))


def _shown(part: Text | Image) -> dict[str, object]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    address = {"url": part.url} if part.detail is None else {"url": part.url, "detail": part.detail}
    return {"type": "image_url", "image_url": address}


def _call(call: ToolCall) -> dict[str, object]:
    try:
        strict_json.load_object(call.arguments)
        arguments = call.arguments
    except strict_json.NotJson:
        # Anything but an object makes Claude lose the call and Gemini answer 500.
        arguments = "{}"
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: Tool) -> dict[str, object]:
    # For Claude a tool without type and properties disappears.
    parameters = {"type": "object", "properties": {}, **tool.parameters}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> object:
    if choice in ("none", "auto", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}
