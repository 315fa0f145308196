"""The gateway's model list: what it says about a model, and what has to be guessed from the name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

# "Unlimited" in the words of the billing routes.
_UNLIMITED = 100_000_000


@dataclass(frozen=True)
class CatalogModel:
    """`endpoint_types` is None where the gateway did not say."""

    name: str
    endpoint_types: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Balance:
    """What the key was granted and has used, in the gateway's unit (mostly USD). `granted` None: no limit."""

    granted: Decimal | None
    used: Decimal

    @property
    def remaining(self) -> Decimal | None:
        return None if self.granted is None else self.granted - self.used


# Answered only by the Responses API, whatever the list says of them: the gateway's software marks three names
# and lets the others carry "openai". Those that end in -all are driven through a consumer product.
_ONLY_RESPONSES = re.compile(
    r"^(o\d-pro | codex | gpt-5(\.\d+)?-(pro | codex) | o\d(-mini)?-deep-research)\b(?!.*-all$)",
    re.VERBOSE | re.IGNORECASE,
)

_NOT_CHAT = re.compile(
    r"""
    embed | rerank | moderation
    | whisper | transcribe | \btts\b | speech | realtime | audio | suno | music | lyria
    | chirp | riffusion
    | ^text-(ada|babbage|curie|davinci|search) | ^(babbage|davinci)-00 | gpt-3\.5-turbo-instruct
    | image | dall-?e | flux | seedream | seededit | midjourney | ^mj[_-] | stable-diffusion | ^sd\d
    | ideogram | recraft | kolors | [ti]2[ivs]\b | nano-banana | jimeng | sdxl | rembg | remove-bg
    | object-removal | video | vace | sora | \bveo | kling | runway | luma | hailuo | pika | vidu | seedance
    | \bwan\d | animate
    """,
    re.VERBOSE | re.IGNORECASE,
)

_VISION = re.compile(
    r"""
    ^(chatgpt-4o|gpt-4o|gpt-4\.1|gpt-4\.5|gpt-4-turbo|gpt-4-vision|gpt-4-all|gpt-4-gizmo|gpt-5)
    | ^o1(?!-mini|-preview) | ^o3(?!-mini) | ^o4 | ^claude-(3|opus|sonnet|haiku) | ^gemini | ^grok-4
    | \bvl\b | vision | ^qvq | glm-4(\.\d+)?v | llama-4 | -ocr$ | ^doubao-seed-1-6
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NO_VISION = re.compile(
    r"""
    search-preview | search-api | ^gpt-3 | ^gpt-4(-\d{4}(-preview)?|-32k.*)?$ | ^gpt-oss | ^codex
    | ^o1-(mini|preview) | ^o3-mini | ^claude-(2|instant) | ^deepseek | ^qwen | ^qwq | ^kimi | ^moonshot
    | ^glm-\d | ^ernie | ^spark | ^llama | ^mistral | ^mixtral | ^phi | ^minimax | ^longcat | ^grok-3
    | ^gemma-[27]b | ^mai-ds
    """,
    re.VERBOSE | re.IGNORECASE,
)

_THINKING = re.compile(
    r"""
    ^gpt-5(?!.*chat) | ^o[134]\b | ^codex | ^gpt-oss | think | reason | \br1\b | ^qwq | ^qvq
    | ^gemini-(2\.5|3|flash|pro) | ^claude-(3-7|opus|sonnet|haiku) | ^grok-4 | ^grok-3-mini
    | ^glm-4\.[56] | ^minimax-m2 | ^doubao-seed-1-6
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NO_THINKING = re.compile(r"non-?thinking|no-?thinking|non-reasoning|-instruct", re.IGNORECASE)

# Good, quick, and not the dearest; the first one that the key may use.
_PREFERRED = (
    "gpt-5-mini",
    "gpt-4.1-mini",
    "gpt-4o-mini",
    "gpt-4.1",
    "gpt-4o",
    "claude-haiku-4-5-20251001",
    "claude-sonnet-4-5-20250929",
    "gemini-2.5-flash",
    "deepseek-chat",
    "qwen-plus",
)


def is_chat_model(model: CatalogModel) -> bool:
    """Whether the model answers on a wire that we speak: the gateway's word, and else the name's."""
    # A name with a star is a pattern, not to be called as it stands.
    if "*" in model.name:
        return False
    if model.endpoint_types:
        return bool({"openai", "openai-response"} & set(model.endpoint_types))
    return not _NOT_CHAT.search(model.name)


def wire_for(model: CatalogModel) -> str:
    """Choose the wire, a name for `wires.by_name()`. An admin's setting should win over this.

    The chat format where the model has it: every upstream speaks it (README §7). Responses for what is served
    there only (models-and-account.md §1).
    """
    types = model.endpoint_types or ("openai",)
    is_marked = "openai-response" in types and "openai" not in types
    return "responses" if is_marked or _ONLY_RESPONSES.search(model.name) else "chat_completions"


def guess_vision(name: str) -> bool:
    """Whether the model may see pictures. An admin's setting should win over this.

    A name that says nothing counts as seeing: a refusal in words costs less than a picture left out.
    """
    return bool(_VISION.search(name) and "search-" not in name) or not _NO_VISION.search(name)


def guess_thinking(name: str) -> bool:
    """Whether the model probably thinks before it answers. An admin's setting should win over this."""
    return bool(_THINKING.search(name)) and not _NO_THINKING.search(name)


def choose_default(names: Iterable[str]) -> str | None:
    """Pick a model to start with: a well-known one, else the first."""
    known = list(names)
    return next((name for name in _PREFERRED if name in known), known[0] if known else None)


def models_in(body: Mapping[str, object]) -> list[CatalogModel] | None:
    """Read the model list; None if this is none. Entries without a name, and doubles, are left out."""
    data = body.get("data")
    if not isinstance(data, list):
        return None
    models: dict[str, CatalogModel] = {}
    for entry in data:
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and name.strip():
            models.setdefault(
                name, CatalogModel(name, _endpoint_types(entry.get("supported_endpoint_types")))
            )
    return list(models.values())


def balance_in(subscription: Mapping[str, object], usage: Mapping[str, object]) -> Balance | None:
    """Read the two billing answers; None if either makes no sense. `total_usage` is in hundredths."""
    granted, used = _amount(subscription.get("hard_limit_usd")), _amount(usage.get("total_usage"))
    if granted is None or used is None:
        return None
    return Balance(None if granted >= _UNLIMITED else granted, used / 100)


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return Decimal(str(value))


def _endpoint_types(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(item for item in value if isinstance(item, str))
