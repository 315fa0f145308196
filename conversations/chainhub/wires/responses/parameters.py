"""Parameters under the names of the chat format, as the Responses format has them (responses.md §1)."""

from collections.abc import Mapping

# What the request itself says, and what would tie it to one upstream (§7.2, §7.5).
_OWN = frozenset(
    {"model", "input", "messages", "instructions", "stream", "stream_options", "tools", "tool_choice"}
    | {"previous_response_id", "background", "conversation"}
)
# Fields of the chat format that there is nothing here for; an upstream refuses what it does not know.
_CHAT_ONLY = frozenset(
    {"n", "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "prediction"}
    | {"modalities", "audio", "functions", "thinking", "web_search_options", "top_k", "extra_body"}
)
_TRANSLATED = frozenset(
    {"max_tokens", "max_completion_tokens", "max_output_tokens", "reasoning", "reasoning_effort"}
    | {"reasoning_summary", "text", "verbosity", "response_format"}
)
# Models that reason refuse these (§1).
_SAMPLING = frozenset({"temperature", "top_p"})

_ENCRYPTED = "reasoning.encrypted_content"

# Less is refused (§1).
_FEWEST_TOKENS = 16


def translated(given: Mapping[str, object], *, thinks: bool) -> dict[str, object]:
    """Return the fields of the body; None in `given` means: leave it out.

    `reasoning_summary` is auto unless it says otherwise; "none" leaves it out.
    """
    known = {name: value for name, value in given.items() if value is not None}
    skipped = _OWN | _CHAT_ONLY | _TRANSLATED | (_SAMPLING if thinks else frozenset())
    body = {name: value for name, value in known.items() if name not in skipped}
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        if name in known:
            body["max_output_tokens"] = _enough(known[name])
    if reasoning := _reasoning(known, thinks=thinks):
        body["reasoning"] = reasoning
    if text := _text(known):
        body["text"] = text
    if thinks:
        more = known.get("include")
        included = [name for name in more if name != _ENCRYPTED] if isinstance(more, list) else []
        body |= {"store": False, "include": [*included, _ENCRYPTED]}
    return body


def _enough(count: object) -> object:
    return max(count, _FEWEST_TOKENS) if isinstance(count, int) else count


def _reasoning(known: Mapping[str, object], *, thinks: bool) -> dict[str, object]:
    given = known.get("reasoning")
    reasoning: dict[str, object] = dict(given) if isinstance(given, Mapping) else {}
    if "reasoning_effort" in known:
        reasoning["effort"] = known["reasoning_effort"]
    if thinks:
        reasoning.setdefault("summary", known.get("reasoning_summary", "auto"))
    return {name: value for name, value in reasoning.items() if (name, value) != ("summary", "none")}


def _text(known: Mapping[str, object]) -> dict[str, object]:
    given, form = known.get("text"), known.get("response_format")
    text: dict[str, object] = dict(given) if isinstance(given, Mapping) else {}
    if isinstance(form, Mapping):
        # Flat here: name, schema and strict stand beside the type.
        schema = form.get("json_schema")
        text["format"] = {"type": form.get("type"), **(schema if isinstance(schema, Mapping) else {})}
    if "verbosity" in known:
        text["verbosity"] = known["verbosity"]
    return text
