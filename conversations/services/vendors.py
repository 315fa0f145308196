"""Whose a model probably is, by its name: what a long list of models is grouped by. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from conversations.models import Model

# More in one list than this are hard to read through: it is grouped.
MANY = 15
OTHERS = "Others"
_KNOWN = (
    ("OpenAI", r"gpt|chatgpt|o\d\b|codex|davinci|babbage|dall-?e|whisper|tts|sora|text-(davinci|embedding)"),
    ("Anthropic", r"claude"),
    ("Google", r"gemini|gemma|imagen|veo|palm|learnlm|nano-banana"),
    ("DeepSeek", r"deepseek"),
    ("Alibaba", r"qwen|qwq|qvq|wan\d|tongyi"),
    ("ByteDance", r"doubao|seedream|seedance|seededit|jimeng"),
    ("Moonshot", r"kimi|moonshot"),
    ("Zhipu", r"glm|cogview|cogvideo|chatglm"),
    ("xAI", r"grok"),
    ("Meta", r"llama|meta-llama"),
    ("Mistral", r"mistral|mixtral|codestral|ministral|magistral|pixtral|devstral"),
    ("MiniMax", r"minimax|abab|hailuo"),
    ("Baidu", r"ernie"),
    ("Tencent", r"hunyuan"),
    ("Microsoft", r"phi-|mai-|wizardlm"),
    ("Cohere", r"command|cohere|aya-"),
    ("Black Forest Labs", r"flux"),
    ("Perplexity", r"sonar|pplx"),
)
_VENDORS = tuple((vendor, re.compile(pattern, re.IGNORECASE)) for vendor, pattern in _KNOWN)


@dataclass(frozen=True)
class VendorGroup:
    """Models of one vendor, in the order in which they came."""

    vendor: str
    models: tuple[Model, ...]


def vendor_of(name: str) -> str:
    """Return the vendor that `name` tells: "gpt-4o" is OpenAI's, "acme/large" acme's; else OTHERS."""
    prefix, slash, rest = name.partition("/")
    for vendor, pattern in _VENDORS:
        if pattern.match(rest or name) or pattern.match(name):
            return vendor
    return prefix if slash and prefix else OTHERS


def grouped(models: Iterable[Model]) -> list[VendorGroup]:
    """Return `models` by vendor: the vendor of the first one first, those of no known vendor last.

    Not grouped, under an empty name, where there are not MANY: then the admins' own order says more.
    """
    rows = list(models)
    if len(rows) <= MANY:
        return [VendorGroup("", tuple(rows))] if rows else []
    found: dict[str, list[Model]] = {}
    for model in rows:
        found.setdefault(vendor_of(model.name), []).append(model)
    groups = [VendorGroup(vendor, tuple(rows)) for vendor, rows in found.items()]
    return sorted(groups, key=lambda group: group.vendor == OTHERS)
