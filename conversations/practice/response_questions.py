"""Read a request for a response, in the order in which the gateway and its upstream look at it."""

from __future__ import annotations

from typing import Any

from conversations.practice import checks
from conversations.practice.chats import Chat, Message, Tool
from conversations.practice.models import MODELS
from conversations.practice.refusals import request_invalid, value_invalid
from conversations.practice.response_inputs import read_input

_TYPES: checks.Types = {
    "input": ((str, list), "json.RawMessage"),
    "stream": ((bool,), "bool"),
    "store": ((bool,), "bool"),
    "max_output_tokens": ((int,), "uint"),
    "max_tool_calls": ((int,), "uint"),
    "temperature": ((int, float), "float64"),
    "top_p": ((int, float), "float64"),
    "tools": ((list,), "[]map[string]any"),
    "tool_choice": ((str, dict), "json.RawMessage"),
    "instructions": ((str, list), "json.RawMessage"),
    "reasoning": ((dict,), "dto.Reasoning"),
    "text": ((dict,), "json.RawMessage"),
    "include": ((list,), "json.RawMessage"),
    "metadata": ((dict,), "json.RawMessage"),
    "parallel_tool_calls": ((bool,), "bool"),
    "previous_response_id": ((str,), "string"),
}
_RANGES: checks.Ranges = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_output_tokens": (16, 2**31 - 1),
    "max_tool_calls": (1, 2**31 - 1),
}
_SUMMARIES = ("auto", "concise", "detailed")
_INCLUDABLE = (
    "reasoning.encrypted_content", "web_search_call.action.sources", "message.output_text.logprobs",
    "message.input_image.image_url", "file_search_call.results", "code_interpreter_call.outputs",
)  # fmt: skip
# What an answer tells of its request.
_TOLD = (
    "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "reasoning",
    "store", "temperature", "text", "tool_choice", "tools", "top_p", "truncation", "user",
)  # fmt: skip


def read_question(body: bytes, content_type: str) -> Chat:
    """Raise Refusal for whatever the real gateway would refuse. Fields that it does not know are not seen."""
    found = checks.read_object(body, content_type, models=MODELS)
    checks.check_types(found, _TYPES, struct="OpenAIResponsesRequest")
    if not found.get("input"):
        raise request_invalid("field input is required")
    _check_values(found)
    given = found["input"]
    said, thoughts = read_input([{"role": "user", "content": given}] if isinstance(given, str) else given)
    instructions = found.get("instructions") or ""
    system = (Message("system", instructions if isinstance(instructions, str) else ""),)
    return Chat(
        model=found["model"],
        messages=system + said if instructions else said,
        stream=bool(found.get("stream")),
        max_tokens=found.get("max_output_tokens"),
        temperature=found.get("temperature"),
        tools=_read_tools(found.get("tools") or []),
        tool_choice=_read_tool_choice(found),
        json_schema=_read_format((found.get("text") or {}).get("format") or {}),
        told={name: found[name] for name in _TOLD if found.get(name) is not None},
        reasoning_items=thoughts,
        shows_thoughts=bool((found.get("reasoning") or {}).get("summary")),
        wants_reasoning="reasoning.encrypted_content" in (found.get("include") or ()),
        loses_events=isinstance(instructions, list) or isinstance(found.get("tool_choice"), dict),
    )


def _check_values(found: dict[str, Any]) -> None:
    checks.check_ranges(found, _RANGES)
    thinks = MODELS[found["model"]].thinks
    for name in ("temperature", "top_p"):
        if thinks and found.get(name) is not None:
            raise value_invalid(
                f"Unsupported parameter: '{name}' is not supported with this model.",
                param=name,
                code="unsupported_parameter",
            )
    reasoning = found.get("reasoning") or {}
    if reasoning and not thinks:
        raise value_invalid(
            "Unsupported parameter: 'reasoning' is not supported with this model.",
            param="reasoning",
            code="unsupported_parameter",
        )
    _check_word(reasoning.get("effort"), checks.EFFORTS, "reasoning.effort")
    _check_word(reasoning.get("summary"), _SUMMARIES, "reasoning.summary")
    _check_word((found.get("text") or {}).get("verbosity"), ("low", "medium", "high"), "text.verbosity")
    for at, name in enumerate(found.get("include") or []):
        _check_word(name, _INCLUDABLE, f"include[{at}]")
    for key, value in (found.get("metadata") or {}).items():
        if not isinstance(value, str):
            raise value_invalid(
                f"Invalid type for 'metadata.{key}': expected a string.", param=f"metadata.{key}",
                code="invalid_type",
            )  # fmt: skip
    if found.get("previous_response_id"):
        # Made over another upstream account, as far as this one knows (§7.2).
        raise value_invalid(
            f"Previous response with id '{found['previous_response_id']}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )


def _check_word(value: Any, known: tuple[str, ...], where: str) -> None:
    if value is not None and value not in known:
        supported = ", ".join(f"'{name}'" for name in known)
        raise value_invalid(f"Invalid value: '{value}'. Supported values are: {supported}.", param=where)


def _read_tools(found: list[Any]) -> tuple[Tool, ...]:
    """Functions are flat here; what the chat format wraps them in is refused."""
    tools: list[Tool] = []
    for at, tool in enumerate(found):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "function" and "name" not in tool:
            raise value_invalid(
                f"Missing required parameter: 'tools[{at}].name'.",
                param=f"tools[{at}].name",
                code="missing_required_parameter",
            )
        if kind != "function":
            raise value_invalid(
                f"Invalid value: '{kind}'. Supported values are: 'function'.", param=f"tools[{at}].type"
            )
        tools.append(checks.read_function(tool, f"tools[{at}]"))
    return tuple(tools)


def _read_tool_choice(found: dict[str, Any]) -> str:
    choice = found.get("tool_choice", "auto")
    if choice in ("none", "auto"):
        return str(choice)
    names = [tool["name"] for tool in found.get("tools") or []]
    if choice == "required" and names:
        return "required"
    name = choice.get("name") if isinstance(choice, dict) and choice.get("type") == "function" else None
    if name not in names:
        raise value_invalid("Invalid 'tool_choice': no such tool.", param="tool_choice")
    return f":{name}"


def _read_format(found: dict[str, Any]) -> dict[str, Any] | None:
    """The schema stands beside the type here, not one level down."""
    kind = found.get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return {}
    schema = found.get("schema")
    if kind != "json_schema" or not isinstance(schema, dict) or not isinstance(found.get("name"), str):
        raise value_invalid(
            "Invalid 'text.format': use text, json_object, or json_schema with its name and schema.",
            param="text.format",
        )
    return schema
