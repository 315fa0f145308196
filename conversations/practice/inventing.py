"""Invent a value that fits a JSON schema: for tool calls and for answers in a fixed form."""

from __future__ import annotations

from typing import Any

# Parallel calls of one tool get different values, so that their results can be told apart.
_BY_NAME: dict[str, tuple[str, str]] = {
    "city": ("Paris", "Oslo"),
    "location": ("Paris", "Oslo"),
    "expression": ("6 * 7", "(1 + 2) * 3"),
    "url": ("https://example.com/", "https://example.org/"),
    "time_zone": ("UTC", "Europe/Paris"),
    "timezone": ("UTC", "Europe/Paris"),
    "language": ("en", "fr"),
    "email": ("ada@example.com", "bob@example.com"),
    "name": ("Ada", "Bob"),
    "operation": ("add", "multiply"),
}
_BY_FORMAT: dict[str, str] = {
    "date": "2026-02-08",
    "date-time": "2026-02-08T12:00:00Z",
    "time": "12:00:00",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "6f1c1a52-3d0e-4a8f-9a55-1f6f0a6f2b11",
}
_DEEPEST = 6


def value_for(schema: Any, *, name: str = "", words: str = "", turn: int = 0, depth: int = 0) -> Any:
    """Return something of the schema's type; `words` fills the strings of which nothing else is known."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if isinstance(schema.get(key), list) and schema[key]:
            return schema[key][turn % len(schema[key])]
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return value_for(schema[key][0], name=name, words=words, turn=turn, depth=depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0] if kind else "string"
    if kind == "object":
        return object_for(schema, words=words, turn=turn, depth=depth)
    if kind == "array":
        return [value_for(schema.get("items", {}), name=name, words=words, turn=turn, depth=depth + 1)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1) + turn
    if kind == "boolean":
        return True
    return _string(schema, name=name, words=words, turn=turn) if kind == "string" else None


def object_for(schema: dict[str, Any], *, words: str, turn: int = 0, depth: int = 0) -> dict[str, Any]:
    """Fill the required properties, or all where none is required."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    required = schema.get("required")
    wanted = [key for key in properties if key in required] if isinstance(required, list) else []
    return {
        key: value_for(properties[key], name=key, words=words, turn=turn, depth=depth + 1)
        for key in wanted or properties
    }


def _string(schema: dict[str, Any], *, name: str, words: str, turn: int) -> str:
    if name in _BY_NAME:
        return _BY_NAME[name][turn % 2]
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    text = words or name or "practice"
    return text[: schema.get("maxLength", 200)]
