"""A ChatRequest as a body of the Responses format."""

from collections.abc import Iterable

from conversations.chainhub import catalog, strict_json
from conversations.chainhub.messages import (
    ChatRequest,
    Image,
    Message,
    OpaqueItem,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from conversations.chainhub.wires.responses import parameters

Item = dict[str, object]

WIRE = "responses"


def build(request: ChatRequest) -> dict[str, object]:
    """Make the body: nothing in it that nobody asked for, so that the guide's own request comes out as it is.

    A model that reasons gets three more fields. Its reasoning is not to be stored by the upstream but to come
    back to us encrypted, since the next turn may be another upstream's (responses.md §7.2); and without
    `reasoning.summary` its thoughts would not be told (§1).
    """
    thinks = catalog.guess_thinking(request.model) if request.thinks is None else request.thinks
    leading, rest = _split(request.messages)
    echoes = thinks and not request.without_opaque
    body: dict[str, object] = {"model": request.model, "input": _items(rest, echoes=echoes)}
    if instructions := "\n\n".join(text for message in leading if (text := _text(message.parts, "\n\n"))):
        # A string: an array here makes the gateway lose response.completed (§7.1).
        body["instructions"] = instructions
    body |= parameters.translated(request.parameters, thinks=thinks)
    if request.stream:
        body["stream"] = True
    if request.tools:
        body |= _tools(request.tools, request.tool_choice)
    return body


def _split(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The system messages that everything begins with, and the rest."""
    count = next((n for n, m in enumerate(messages) if m.role not in ("system", "developer")), len(messages))
    return messages[:count], messages[count:]


def _items(messages: Iterable[Message], *, echoes: bool) -> list[Item]:
    items: list[Item] = []
    for message in messages:
        if message.role in ("assistant", "tool"):
            items += _said_by_model(message.parts, echoes=echoes)
        else:
            items.append({"role": message.role, "content": _content(message.parts)})
    return _without_loose_ends(items)


def _said_by_model(parts: Iterable[Part], *, echoes: bool) -> list[Item]:
    """Each piece in its place: what the model saw of its own turn, it gets back in the same order (§4)."""
    items: list[Item] = []
    for part in parts:
        match part:
            case Text(text) if text:
                _say(items, text)
            case ToolCall():
                items.append(_call(part))
            case ToolResult(call_id=call_id, content=output):
                items.append({"type": "function_call_output", "call_id": call_id, "output": output})
            case OpaqueItem(wire=wire, data=data) if echoes and wire == WIRE:
                items.append(dict(data))
    return items


def _say(items: list[Item], text: str) -> None:
    # The texts of an answer are one text that other things interrupted.
    previous = items[-1].get("content") if items and items[-1].get("role") == "assistant" else None
    if isinstance(previous, list):
        previous[0]["text"] += text
        return
    items.append({"role": "assistant", "content": [{"type": "output_text", "text": text}]})


def _without_loose_ends(items: list[Item]) -> list[Item]:
    """Leave out reasoning that led to nothing: an answer that was stopped there would be refused (§4)."""
    kept: list[Item] = []
    for item in reversed(items):
        is_reasoning = item.get("type") == "reasoning"
        leads_on = bool(kept) and (
            kept[-1].get("role") == "assistant" or kept[-1].get("type") in ("reasoning", "function_call")
        )
        if leads_on or not is_reasoning:
            kept.append(item)
    kept.reverse()
    return kept


def _content(parts: tuple[Part, ...]) -> str | list[Item]:
    if not any(isinstance(part, Image) for part in parts):
        return _text(parts, "\n\n")
    return [_shown(part) for part in parts if isinstance(part, Text | Image)]


def _shown(part: Text | Image) -> Item:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    # The address is a string here, not an object (§2).
    return {"type": "input_image", "image_url": part.url, "detail": part.detail or "auto"}


def _text(parts: Iterable[Part], glue: str) -> str:
    return glue.join(part.text for part in parts if isinstance(part, Text))


def _call(call: ToolCall) -> Item:
    try:
        strict_json.load_object(call.arguments)
        arguments = call.arguments
    except strict_json.NotJson:
        # Whoever takes the text apart wants an object; what was wrong with it, its result says.
        arguments = "{}"
    return {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": arguments}


def _tools(tools: tuple[Tool, ...], choice: str | None) -> Item:
    """Flat definitions, and a choice that is always a word (§4, §7.1)."""
    if choice not in (None, "none", "auto", "required"):
        # A choice as an object makes the gateway lose response.completed: so this tool alone, and it must.
        tools, choice = tuple(tool for tool in tools if tool.name == choice), "required"
    body: Item = {"tools": [_tool(tool) for tool in tools]}
    return body if choice is None else body | {"tool_choice": choice}


def _tool(tool: Tool) -> Item:
    schema = {"type": "object", "properties": {}, **tool.parameters}
    return {"type": "function", "name": tool.name, "description": tool.description, "parameters": schema}
