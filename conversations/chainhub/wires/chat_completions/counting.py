"""The usage object of the chat format, in either of its shapes."""

from collections.abc import Mapping

from conversations.chainhub.assembling import tokens
from conversations.chainhub.events import Usage


def usage_of(raw: dict[str, object], *, model: str) -> Usage:
    """Read what the gateway counted; `model` is the one that answered.

    For OpenAI and Gemini `prompt_tokens` includes what came from the cache. For Claude behind the gateway it
    does not, nor what was written to the cache: then both are added. That is so where more was cached than
    there was prompt, and where a Claude model's usage has the gateway's own fields (a channel that passes an
    OpenAI-compatible upstream on has them not, and counts inclusively).
    """
    prompt = tokens(raw.get("prompt_tokens"))
    cached = tokens(_details(raw, "prompt_tokens_details").get("cached_tokens"))
    if cached is None:
        cached = tokens(raw.get("prompt_cache_hit_tokens"))
    written = _written(raw)
    is_exclusive = "claude" in model.lower() and "claude_cache_creation_5_m_tokens" in raw
    if prompt is not None and (is_exclusive or (cached or 0) > prompt):
        prompt += (cached or 0) + (written or 0)
    return Usage(
        input_tokens=prompt,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=tokens(raw.get("completion_tokens")),
        thinking_tokens=tokens(_details(raw, "completion_tokens_details").get("reasoning_tokens")),
        raw=raw,
    )


def _written(raw: Mapping[str, object]) -> int | None:
    parts = [tokens(raw.get(f"claude_cache_creation_{span}_tokens")) for span in ("5_m", "1_h")]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _details(raw: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
