"""Read a request for an answer in the order in which the gateway and its upstream look at it.

First the model (400, 503), then the types of the fields (500 `invalid_request`), then what the upstream
thinks of the values (400).
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any

from conversations.practice.chats import Chat, Tool
from conversations.practice.messages import read_messages
from conversations.practice.refusals import (
    Refusal,
    model_missing,
    model_unknown,
    request_invalid,
    value_invalid,
    wrong_type,
)

# Field, what it may be, and how Go calls that.
Types = dict[str, tuple[tuple[type, ...], str]]
Ranges = dict[str, tuple[float, float]]

_TYPES: Types = {
    "messages": ((list,), "[]dto.Message"),
    "stream": ((bool,), "bool"),
    "stream_options": ((dict,), "dto.StreamOptions"),
    "max_tokens": ((int,), "uint"),
    "max_completion_tokens": ((int,), "uint"),
    "temperature": ((int, float), "float64"),
    "top_p": ((int, float), "float64"),
    "top_k": ((int,), "int"),
    "n": ((int,), "int"),
    "presence_penalty": ((int, float), "float64"),
    "frequency_penalty": ((int, float), "float64"),
    "seed": ((int, float), "float64"),
    "tools": ((list,), "[]dto.ToolCallRequest"),
    "response_format": ((dict,), "dto.ResponseFormat"),
    "reasoning_effort": ((str,), "string"),
    "logit_bias": ((dict,), "map[string]int"),
    "parallel_tool_calls": ((bool,), "bool"),
}
_RANGES: Ranges = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, 128),
    "max_tokens": (1, 2**31 - 1),
    "max_completion_tokens": (1, 2**31 - 1),
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def read_chat(body: bytes, content_type: str, *, models: Container[str]) -> Chat:
    """Raise Refusal for whatever the real gateway would refuse."""
    found = read_object(body, content_type, models=models)
    check_types(found, _TYPES)
    usage = (found.get("stream_options") or {}).get("include_usage")
    if usage is not None and not isinstance(usage, bool):
        raise wrong_type(usage, field="stream_options.include_usage", wanted="bool")
    if not found.get("messages"):
        raise request_invalid("field messages is required")
    _check_values(found)
    options = found.get("stream_options") or {}
    seed = found.get("seed")
    return Chat(
        model=found["model"],
        messages=read_messages(found["messages"]),
        stream=bool(found.get("stream")),
        include_usage=options.get("include_usage") is not False,
        max_tokens=found.get("max_completion_tokens") or found.get("max_tokens"),
        temperature=found.get("temperature"),
        seed=int(seed) if seed is not None else None,
        stop=_read_stop(found.get("stop")),
        tools=_read_tools(found.get("tools") or []),
        tool_choice=_read_tool_choice(found),
        json_schema=_read_format(found.get("response_format") or {}),
    )


def read_object(body: bytes, content_type: str, *, models: Container[str]) -> dict[str, Any]:
    """What the gateway looks at before it knows the format: that the body is JSON, and the model's name."""
    if not content_type.lower().startswith("application/json"):
        raise model_missing()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"无效的请求, {error}") from None
    if not isinstance(found, dict) or not found.get("model"):
        raise model_missing()
    if not isinstance(found["model"], str):
        raise Refusal(400, "无效的请求, json: cannot unmarshal into Go struct field ModelRequest.model")
    if found["model"] not in models:
        raise model_unknown(found["model"])
    return found


def check_types(found: dict[str, Any], types: Types, *, struct: str = "GeneralOpenAIRequest") -> None:
    for field, (wanted, name) in types.items():
        value = found.get(field)
        # To Python a bool is an int; to the gateway it is not.
        is_bool = isinstance(value, bool) and bool not in wanted
        if value is not None and (is_bool or not isinstance(value, wanted)):
            raise wrong_type(value, field=field, wanted=name, struct=struct)


def check_ranges(found: dict[str, Any], ranges: Ranges) -> None:
    for field, (least, most) in ranges.items():
        value = found.get(field)
        # Written this way round because NaN, which Python's JSON reader lets in, is in no range.
        if value is not None and not least <= value <= most:
            raise value_invalid(
                f"Invalid '{field}': expected a value between {least} and {most}, but got {value} instead.",
                param=field,
            )


def _check_values(found: dict[str, Any]) -> None:
    check_ranges(found, _RANGES)
    effort = found.get("reasoning_effort")
    if effort and effort not in EFFORTS:
        raise value_invalid(
            f"Invalid value: '{effort}'. Supported values are: {', '.join(EFFORTS)}.",
            param="reasoning_effort",
        )
    seed = found.get("seed")
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise value_invalid("Invalid 'seed': expected a 64-bit number.", param="seed")


def _read_stop(found: Any) -> tuple[str, ...]:
    stops = [found] if isinstance(found, str) else found or []
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(s, str) and s for s in stops):
        raise value_invalid("Invalid 'stop': expected a string or up to 4 strings.", param="stop")
    return tuple(stops)


def _read_tools(found: list[Any]) -> tuple[Tool, ...]:
    return tuple(_read_tool(tool, f"tools[{at}]") for at, tool in enumerate(found))


def _read_tool(tool: Any, where: str) -> Tool:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type") != "function":
        raise value_invalid(
            f"Missing required parameter: '{where}.function'.",
            param=f"{where}.function",
            code="missing_required_parameter",
        )
    return read_function(function, f"{where}.function")


def read_function(function: dict[str, Any], where: str) -> Tool:
    """Read the definition of a tool, without what the format puts around it."""
    name = function.get("name")
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        raise value_invalid(
            f"Invalid '{where}.name': expected letters, digits, '_', '-', at most 64.", param=f"{where}.name"
        )
    parameters = function.get("parameters", {})
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise value_invalid(
            f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"'.",
            param=f"{where}.parameters",
            code="invalid_function_parameters",
        )
    return Tool(name, parameters)


def _read_tool_choice(found: dict[str, Any]) -> str:
    choice = found.get("tool_choice")
    if choice is None:
        return "auto"
    if not found.get("tools"):
        raise value_invalid(
            "Invalid value for 'tool_choice': only allowed when 'tools' are specified.",
            param="tool_choice",
            code=None,
        )
    if choice in ("none", "auto", "required"):
        return str(choice)
    name = (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None
    if name not in [tool["function"]["name"] for tool in found["tools"]]:
        raise value_invalid("Invalid 'tool_choice': no such tool.", param="tool_choice")
    return f":{name}"


def _read_format(found: dict[str, Any]) -> dict[str, Any] | None:
    kind = found.get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return {}
    wrapped = found.get("json_schema")
    if kind != "json_schema" or not isinstance(wrapped, dict) or not isinstance(wrapped.get("schema"), dict):
        raise value_invalid(
            "Invalid 'response_format': use text, json_object, or json_schema with its schema.",
            param="response_format",
        )
    schema: dict[str, Any] = wrapped["schema"]
    return schema
