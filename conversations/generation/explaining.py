"""What went wrong, in a sentence that a member understands. The gateway's own words are kept beside it."""

from __future__ import annotations

from conversations.chainhub.errors import ChainHubError

MAY_BE_BILLED = "It may have been billed all the same."
_SENTENCES = {
    "connection_refused": "The gateway can't be reached. Try again in a minute, or tell an admin.",
    "connect_timeout": "The gateway can't be reached. Try again in a minute, or tell an admin.",
    "name_not_resolved": "The gateway's address is not known. Tell an admin.",
    "tls_failed": "No secure connection to the gateway could be made. Tell an admin.",
    "proxy_failed": "The proxy before the gateway can't be reached. Tell an admin.",
    "first_byte_timeout": f"The gateway did not begin to answer in time. {MAY_BE_BILLED}",
    "connection_lost": f"The gateway dropped the connection before it answered. {MAY_BE_BILLED}",
    "rate_limited": "The gateway is limiting requests just now. Try again in a minute.",
    "key_rejected": "The gateway refuses the key. Ask an admin.",
    "quota_exhausted": "The key's balance is used up. Ask an admin.",
    "key_unreadable": "The key can't be read. Ask an admin.",
    "no_key": "No key serves this model. Ask an admin.",
    "unknown_model": "The gateway does not serve this model for our key. Choose another, or ask an admin.",
    "wrong_address": "Nothing answers at the gateway's address. Tell an admin.",
    "request_refused": "The gateway refuses this request. Change the question, the pictures or the settings.",
    "gateway_unavailable": "The gateway is not available just now. Try again in a minute.",
    "unreadable_reply": f"What came back from the gateway was no answer. {MAY_BE_BILLED}",
    "stream_refused": "The model's side reported an error.",
    "stream_broken": "The answer was cut off before its end.",
    "tool_limit": "The model asked for tools again and again without coming to an answer.",
    "reasoning_refused": "The gateway refuses what this model thought before. Try again.",
    "internal": "Something broke on our side. It was written to the log.",
}
_INTERRUPTED = "The answer was cut off before its end. What came is kept."
_RESTARTED = "The server was stopped while this answer was being written. What came is kept."


def sentence_for(error: ChainHubError) -> str:
    """Return what a member reads."""
    sentence = _SENTENCES.get(error.kind, "The gateway could not answer.")
    if error.may_be_billed and MAY_BE_BILLED not in sentence:
        sentence = f"{sentence} {MAY_BE_BILLED}"
    return sentence


def sentence_of_kind(kind: str) -> str:
    return _SENTENCES[kind]


def interrupted(*, by_restart: bool) -> str:
    return _RESTARTED if by_restart else _INTERRUPTED


def retrying(kind: str, *, seconds: float, attempt: int, attempts: int) -> str:
    """Return the note that a reader sees while a request waits for its next try."""
    reason = "The gateway is busy" if kind == "rate_limited" else "The gateway could not be reached"
    if kind == "gateway_unavailable":
        reason = "The gateway is not available"
    return f"{reason}. Trying again in {max(1, round(seconds))} s ({attempt} of {attempts})."
