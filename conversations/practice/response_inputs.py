"""Read the input items of a Responses request as strictly as its upstream does."""

from __future__ import annotations

from typing import Any

from conversations.practice import messages, pictures, reasoning
from conversations.practice.chats import Message, ToolCall
from conversations.practice.refusals import Refusal, value_invalid

_ROLES = ("user", "assistant", "system", "developer")
_KINDS = ("message", "reasoning", "function_call", "function_call_output")
_PARTS = {
    "user": ("input_text", "input_image", "input_file"),
    "assistant": ("output_text", "refusal"),
    "system": ("input_text",),
    "developer": ("input_text",),
}


def read_input(found: list[Any]) -> tuple[tuple[Message, ...], int]:
    """Return what was said, and how many items of reasoning came with it.

    Raise Refusal for the first item that an upstream would not take.
    """
    said: list[Message] = []
    thoughts = 0
    for at, item in enumerate(found):
        where = f"input[{at}]"
        if not isinstance(item, dict):
            raise value_invalid(f"Invalid type for '{where}'.", param=where, code="invalid_type")
        kind = item.get("type", "message")
        if kind == "message":
            said.append(_read_message(item, where))
        elif kind == "reasoning":
            reasoning.check_seal(item, where)
            _check_following(found, at, str(item["id"]))
            thoughts += 1
        elif kind == "function_call":
            call = _read_call(item, where)
            _check_unused(call, said, where)
            said.append(Message("assistant", "", tool_calls=(call,)))
        elif kind == "function_call_output":
            said.append(_read_output(item, where))
        else:
            raise _unknown(kind, _KINDS, f"{where}.type")
    _check_answers(said)
    return tuple(said), thoughts


def _unknown(value: Any, known: tuple[str, ...], where: str) -> Refusal:
    supported = ", ".join(f"'{name}'" for name in known)
    return value_invalid(f"Invalid value: '{value}'. Supported values are: {supported}.", param=where)


def _read_message(item: dict[str, Any], where: str) -> Message:
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        raise _unknown(role, _ROLES, f"{where}.role")
    _check_id(item, "msg", where)
    if isinstance(content, str):
        return Message(role, content)
    if not isinstance(content, list) or not content:
        raise value_invalid(
            f"Invalid '{where}.content': expected a string or a list of parts.",
            param=f"{where}.content",
            code="invalid_type",
        )
    texts: list[str] = []
    seen: list[pictures.Picture] = []
    files: list[str] = []
    for at, part in enumerate(content):
        here = f"{where}.content[{at}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _PARTS[role]:
            raise _unknown(kind, _PARTS[role], f"{here}.type")
        if kind == "input_image":
            image = _read_image(part, here)
            (files if isinstance(image, str) else seen).append(image)  # type: ignore[arg-type]
        elif kind == "input_file":
            files.append(_read_file(part, here))
        else:
            name = "refusal" if kind == "refusal" else "text"
            texts.append(messages.read_text(part.get(name), f"{here}.{name}"))
    return Message(role, "\n".join(texts), tuple(seen), tuple(files))


def _read_image(part: dict[str, Any], where: str) -> pictures.Picture | str:
    """The address is a string here; as an object it belongs to the chat format."""
    _check_no_file_id(part, where)
    if part.get("detail", "auto") not in ("auto", "low", "high"):
        raise _unknown(part["detail"], ("low", "high", "auto"), f"{where}.detail")
    return messages.read_picture(
        messages.read_text(part.get("image_url"), f"{where}.image_url"), f"{where}.image_url"
    )


def _read_file(part: dict[str, Any], where: str) -> str:
    _check_no_file_id(part, where)
    if "file_url" in part:
        return f"a file at {messages.read_text(part['file_url'], f'{where}.file_url')[:200]}"
    return messages.read_data_file(part, where)


def _check_no_file_id(part: dict[str, Any], where: str) -> None:
    if part.get("file_id") is not None:
        raise value_invalid("No such file: this gateway keeps none.", param=f"{where}.file_id")


def _read_call(item: dict[str, Any], where: str) -> ToolCall:
    _check_id(item, "fc", where)
    for name in ("call_id", "name"):
        if not isinstance(item.get(name), str) or not item[name]:
            raise value_invalid(
                f"Missing required parameter: '{where}.{name}'.",
                param=f"{where}.{name}",
                code="missing_required_parameter",
            )
    arguments = messages.read_arguments(item.get("arguments"), f"{where}.arguments")
    return ToolCall(item["call_id"], item["name"], arguments)


def _read_output(item: dict[str, Any], where: str) -> Message:
    output, call_id = item.get("output"), item.get("call_id")
    if isinstance(output, list):
        text = _read_message({"role": "user", "content": output}, f"{where}.output").text
    else:
        text = messages.read_text(output, f"{where}.output")
    return Message("tool", text, tool_call_id=messages.read_text(call_id, f"{where}.call_id"))


def _check_id(item: dict[str, Any], prefix: str, where: str) -> None:
    """Ids need not come back; those that do are the upstream's own."""
    item_id = item.get("id")
    if item_id is not None and not str(item_id).startswith(f"{prefix}_"):
        raise value_invalid(
            f"Invalid '{where}.id': '{item_id}'. Expected an ID that begins with '{prefix}'.",
            param=f"{where}.id",
        )


def _check_following(found: list[Any], at: int, item_id: str) -> None:
    following = found[at + 1] if at + 1 < len(found) else None
    kind = following.get("type", "message") if isinstance(following, dict) else None
    said = kind == "message" and isinstance(following, dict) and following.get("role") == "assistant"
    if not said and kind not in ("function_call", "reasoning"):
        raise value_invalid(
            f"Item '{item_id}' of type 'reasoning' was provided without its required following item.",
            param="input",
            code=None,
        )


def _check_unused(call: ToolCall, said: list[Message], where: str) -> None:
    """A call that came twice would be run, and paid for, twice."""
    if any(call.id == other.id for message in said for other in message.tool_calls):
        raise value_invalid(f"Duplicate call_id '{call.id}' in the input.", param=f"{where}.call_id")


def _check_answers(said: list[Message]) -> None:
    """Every call is answered once, after it was made and before a person speaks again."""
    waiting: list[str] = []
    for message in said:
        waiting += [call.id for call in message.tool_calls]
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise _without("tool call found for function call output with", message.tool_call_id)
            waiting.remove(message.tool_call_id)
        elif message.role == "user" and waiting:
            break
    if waiting:
        raise _without("tool output found for function", waiting[0])


def _without(what: str, call_id: str) -> Refusal:
    return value_invalid(f"No {what} call_id {call_id}.", param="input", code=None)
