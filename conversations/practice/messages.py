"""Read the messages of a request as strictly as the strictest upstream does."""

from __future__ import annotations

import json
from typing import Any

from conversations.practice import pictures
from conversations.practice.chats import Message, ToolCall
from conversations.practice.refusals import Refusal, value_invalid, wrong_type

_ROLES = ("system", "developer", "user", "assistant", "tool")
_PARTS = ("text", "image_url", "input_audio", "file", "video_url")


def read_messages(found: list[Any]) -> tuple[Message, ...]:
    """Raise Refusal for the first message that an upstream would not take."""
    messages = tuple(_read_message(item, at) for at, item in enumerate(found))
    _check_order(messages)
    return messages


def _read_message(item: Any, at: int) -> Message:
    if not isinstance(item, dict):
        raise wrong_type(item, field="messages", wanted="dto.Message")
    role = item.get("role")
    if role not in _ROLES:
        supported = ", ".join(f"'{name}'" for name in _ROLES)
        raise value_invalid(
            f"Invalid value: '{role}'. Supported values are: {supported}.", param=f"messages[{at}].role"
        )
    calls = _read_calls(item.get("tool_calls"), role, at)
    content = item.get("content")
    where = f"messages[{at}].content"
    if isinstance(content, list):
        message = _read_parts(content, role, where)
    elif isinstance(content, str) or (content is None and calls):
        message = Message(role, content or "")
    else:
        raise value_invalid(
            "Invalid value for 'content': expected a string or a list of parts.", param=where, code=None
        )
    call_id = item.get("tool_call_id", "")
    if not isinstance(call_id, str) or (role == "tool" and not call_id):
        raise value_invalid("Missing parameter 'tool_call_id'.", param=f"messages[{at}].tool_call_id")
    return Message(
        role, message.text, message.pictures, message.files, tool_calls=calls, tool_call_id=call_id
    )


def _read_calls(found: Any, role: str, at: int) -> tuple[ToolCall, ...]:
    where = f"messages[{at}].tool_calls"
    if found is None:
        return ()
    if role != "assistant" or not isinstance(found, list) or not found:
        raise value_invalid("Only an assistant message may carry 'tool_calls', at least one.", param=where)
    calls = tuple(_read_call(call, f"{where}[{number}]") for number, call in enumerate(found))
    if len({call.id for call in calls}) < len(calls):
        raise value_invalid("Two tool calls of one message share an id.", param=where)
    return calls


def _read_call(call: Any, where: str) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or call.get("type") != "function":
        raise value_invalid("A tool call needs 'type': 'function' and a 'function' object.", param=where)
    if not isinstance(call.get("id"), str) or not call["id"]:
        raise value_invalid("A tool call needs an 'id'.", param=f"{where}.id")
    if not isinstance(function.get("name"), str) or not function["name"]:
        raise value_invalid("A tool call needs the name of its function.", param=f"{where}.function.name")
    arguments = read_arguments(function.get("arguments"), f"{where}.function.arguments")
    return ToolCall(call["id"], function["name"], arguments)


def read_arguments(found: Any, where: str) -> dict[str, Any]:
    try:
        arguments = json.loads(read_text(found, where))
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise value_invalid("The arguments of a tool call must be a JSON object in text.", param=where)
    return arguments


def _read_parts(parts: list[Any], role: str, where: str) -> Message:
    if not parts:
        raise value_invalid(f"Invalid '{where}': empty array.", param=where, code="empty_array")
    texts: list[str] = []
    seen: list[pictures.Picture] = []
    files: list[str] = []
    for at, part in enumerate(parts):
        here = f"{where}[{at}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _PARTS:
            supported = ", ".join(f"'{name}'" for name in _PARTS)
            raise value_invalid(
                f"Invalid value: '{kind}'. Supported values are: {supported}.", param=f"{here}.type"
            )
        value = part.get(kind)
        if kind == "text":
            texts.append(read_text(value, f"{here}.text"))
        elif role != "user":
            raise value_invalid(f"Only messages of role 'user' may carry '{kind}' parts.", param=here)
        elif kind == "image_url":
            image = _read_image(value, f"{here}.image_url")
            (files if isinstance(image, str) else seen).append(image)  # type: ignore[arg-type]
        else:
            files.append(_read_file(kind, value, f"{here}.{kind}"))
    return Message(role, "\n".join(texts), tuple(seen), tuple(files))


def read_text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise value_invalid("Invalid type: expected a string.", param=where, code="invalid_type")
    return value


def _read_image(value: Any, where: str) -> pictures.Picture | str:
    """A picture by its bytes, or in words where only its address came."""
    if not isinstance(value, dict):
        raise value_invalid("Expected an object with a 'url'.", param=where, code="invalid_type")
    if value.get("detail", "auto") not in ("auto", "low", "high"):
        raise value_invalid("Invalid 'detail': use auto, low or high.", param=f"{where}.detail")
    return read_picture(read_text(value.get("url"), f"{where}.url"), f"{where}.url")


def read_picture(url: str, where: str) -> pictures.Picture | str:
    if url.startswith(("https://", "http://")):
        return f"a picture at {url[:200]}"
    media_type, data = _data_uri(url, where, code="invalid_image_url")
    try:
        picture = pictures.look_at(data)
    except pictures.NotAPicture:
        raise _not_an_image(where) from None
    if picture.media_type != media_type:
        raise value_invalid(
            f"The image was sent as {media_type}, but its bytes are {picture.media_type}.",
            param=where,
            code="invalid_image_format",
        )
    return picture


def _not_an_image(where: str) -> Refusal:
    return value_invalid(
        "You uploaded an unsupported image. Please make sure your image has one of the following formats: "
        "['png', 'jpeg', 'gif', 'webp'], and that it is whole.",
        param=where,
        code="invalid_image_format",
    )


def _data_uri(uri: str, where: str, *, code: str) -> tuple[str, bytes]:
    head, comma, text = uri.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise value_invalid("Expected an http(s) URL or a base64 data URI.", param=where, code=code)
    try:
        data = pictures.decode_base64(text)
    except ValueError:
        raise value_invalid("Invalid base64 data.", param=where, code=code) from None
    if not data:
        raise value_invalid("The data URI is empty.", param=where, code=code)
    return head[5:-7], data


def _read_file(kind: str, value: Any, where: str) -> str:
    """Describe a file, a sound or a film in words."""
    if not isinstance(value, dict):
        raise value_invalid("Invalid type: expected an object.", param=where, code="invalid_type")
    if kind == "video_url":
        return f"a video at {read_text(value.get('url'), f'{where}.url')[:200]}"
    if kind == "input_audio":
        if value.get("format") not in ("wav", "mp3"):
            raise value_invalid("Invalid 'format': use wav or mp3.", param=f"{where}.format")
        try:
            sound = pictures.decode_base64(read_text(value.get("data"), f"{where}.data"))
        except ValueError:
            raise value_invalid("Invalid base64 data.", param=f"{where}.data") from None
        return f"a sound ({value['format']}, {len(sound):,} bytes)"
    return read_data_file(value, where)


def read_data_file(value: dict[str, Any], where: str) -> str:
    name = read_text(value.get("filename", "file"), f"{where}.filename")
    media_type, data = _data_uri(
        read_text(value.get("file_data"), f"{where}.file_data"),
        f"{where}.file_data",
        code="invalid_file_data",
    )
    return f"{name[:200]} ({media_type}, {len(data):,} bytes)"


def _check_order(messages: tuple[Message, ...]) -> None:
    """Every call is answered by a tool message before anything else is said; none comes unasked."""
    waiting: list[str] = []
    for at, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise value_invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message "
                    "with 'tool_calls'.",
                    param=f"messages.[{at}].role",
                    code=None,
                )
            waiting.remove(message.tool_call_id)
        elif waiting:
            raise _unanswered(waiting, at)
        else:
            waiting = [call.id for call in message.tool_calls]
    if waiting:
        raise _unanswered(waiting, len(messages))


def _unanswered(call_ids: list[str], at: int) -> Refusal:
    return value_invalid(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        "'tool_call_id'. The following tool_call_ids did not have response messages: " + ", ".join(call_ids),
        param=f"messages.[{at}].role",
        code=None,
    )
