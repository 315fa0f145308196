"""What a status, its headers and its body say went wrong: one place for the table of README §4.1."""

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from conversations.chainhub import errors, strict_json

# 500s that blame the request: sending it again fails again.
REQUEST_FAULTS = frozenset(
    {
        "invalid_request",
        "convert_request_failed",
        "sensitive_words_detected",
        "model_price_error",
        "json_marshal_failed",
        "count_token_failed",
        "gen_relay_info_failed",
        "invalid_api_type",
    }
)
# 500s before or instead of an answer: the gateway bills none of them.
PASSING_FAULTS = frozenset(
    {
        "do_request_failed",
        "bad_response",
        "bad_response_body",
        "read_response_body_failed",
        "empty_response",
        "get_channel_failed",
        "query_data_error",
        "update_data_error",
        "aws_invoke_error",
    }
)
# What an upstream says of encrypted reasoning that another organisation's key made (responses.md §7).
REASONING_CODE = "invalid_encrypted_content"
# The same from upstreams that give no code.
_REASONING_WORDS = re.compile(r"encrypted[ _]content|\bitem (with id )?'rs_", re.IGNORECASE)
QUOTA_CODES = frozenset({"insufficient_user_quota", "pre_consume_token_quota_failed", "insufficient_quota"})


@dataclass(frozen=True)
class Complaint:
    """What an error body says. `type` may be the text "<nil>"; `code` may have been a number or null."""

    message: str = ""
    type: str = ""
    code: str = ""


def complaint_in(body: object) -> Complaint | None:
    """Find the error that a decoded body reports, in any of its shapes, or None."""
    if not isinstance(body, Mapping):
        return None
    error = body.get("error")
    if isinstance(error, Mapping):
        complaint = Complaint(_word(error.get("message")), _word(error.get("type")), _word(error.get("code")))
        # Null and empty error objects stand in good answers too.
        return complaint if complaint != Complaint() else None
    if isinstance(error, str) and error:
        return Complaint(error, _word(body.get("type")), _word(body.get("code")))
    if body.get("success") is False:
        return Complaint(_word(body.get("message")), "", _word(body.get("code")))
    return None


def is_about_reasoning(complaint: Complaint) -> bool:
    """Whether only the reasoning that was sent back is at fault, and not the rest of the request."""
    if complaint.code:
        return complaint.code == REASONING_CODE
    return bool(_REASONING_WORDS.search(complaint.message))


def status_error(status: int, body: bytes, *, retry_after: str | None = None) -> errors.StatusError:
    """Choose the error for a status of 400 or more; for an empty, cut or HTML body by the status alone."""
    try:
        complaint = complaint_in(strict_json.loads(body)) or Complaint()
        is_json = True
    except strict_json.NotJson:
        complaint, is_json = Complaint(), False
    chosen = _choose(status, complaint, is_json=is_json)
    chosen.status = status
    chosen.type = complaint.type[:200]
    chosen.code = complaint.code[:200]
    chosen.message = (
        complaint.message[: errors.MESSAGE_LIMIT] or f"The gateway answered with status {status}."
    )
    chosen.args = (chosen.message,)
    chosen.retry_after = seconds_in(retry_after)
    return chosen


def _choose(status: int, complaint: Complaint, *, is_json: bool) -> errors.StatusError:
    if status == 401:
        # The gateway's own refusals say new_api_error; any other type is its upstream's, whose key is not
        # ours.
        if complaint.type and complaint.type != "new_api_error":
            return errors.GatewayUnavailable(retryable=True)
        return errors.KeyRejected()
    if status == 402 or (status == 403 and complaint.code in QUOTA_CODES):
        return errors.QuotaExhausted()
    if status == 403:
        return errors.KeyRejected()
    if status in (400, 404) and is_about_reasoning(complaint):
        return errors.ReasoningRefused()
    if status == 404:
        # Its own 404 has no code; the words are all that tells it from an upstream's "no such model".
        is_model = is_json and not complaint.message.startswith("Invalid URL")
        return errors.UnknownModel() if is_model else errors.WrongAddress()
    if status == 429:
        return errors.RateLimited(retryable=True)
    if status == 408:
        return errors.GatewayUnavailable(may_be_billed=True)
    if status < 500 or status == 501:
        return errors.RequestRefused()
    return _choose_server_fault(status, complaint)


def _choose_server_fault(status: int, complaint: Complaint) -> errors.StatusError:
    if status == 500 and complaint.code in REQUEST_FAULTS:
        return errors.RequestRefused()
    if status == 500 and (complaint.code in PASSING_FAULTS or complaint.code.startswith("channel:")):
        return errors.GatewayUnavailable(retryable=True)
    if status == 503 and complaint.code == "model_not_found":
        # Looks transient, usually is not.
        return errors.UnknownModel(retryable=True, max_retries=1)
    if status == 503:
        return errors.GatewayUnavailable(retryable=True)
    # 502, 504, 52x and 500s that nobody listed: the model may have worked, and somebody may pay for it.
    return errors.GatewayUnavailable(may_be_billed=True)


def seconds_in(retry_after: str | None) -> float | None:
    """Read a Retry-After header, which is a number of seconds or a date."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _word(value: object) -> str:
    """Text as it is, numbers as text, anything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
