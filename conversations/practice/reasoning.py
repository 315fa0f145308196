"""Encrypted reasoning: sealed so that what comes back can be told from what was never made here.

Nothing is stored, so a gateway that was started again still knows its seals.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from conversations.practice.refusals import Refusal, value_invalid

_PREFIX = "gAAAAApractice"


def seal(item_id: str) -> str:
    """What stands for the thoughts of an item. (They are not in it: nobody would read them.)"""
    digest = hashlib.sha256(f"practice reasoning {item_id}".encode()).digest()
    return _PREFIX + base64.urlsafe_b64encode(digest * 3).decode().rstrip("=")


def check_seal(item: dict[str, Any], where: str) -> None:
    """Raise Refusal for reasoning that this gateway did not make, or that was changed."""
    item_id, sealed = item.get("id"), item.get("encrypted_content")
    if not isinstance(item_id, str) or not item_id.startswith("rs_"):
        raise value_invalid(
            f"Invalid '{where}.id': '{item_id}'. Expected an ID that begins with 'rs'.", param=f"{where}.id"
        )
    if not isinstance(item.get("summary"), list):
        raise value_invalid(
            f"Missing required parameter: '{where}.summary'.",
            param=f"{where}.summary",
            code="missing_required_parameter",
        )
    if sealed is None:
        raise Refusal(
            404,
            f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false.",
            kind="invalid_request_error",
            code=None,
            param="input",
            relayed=True,
        )
    if sealed != seal(item_id):
        raise refused(str(sealed))


def refused(sealed: str) -> Refusal:
    return value_invalid(
        f"The encrypted content {sealed[:8]}... could not be verified. "
        "Reason: Encrypted content could not be decrypted or parsed.",
        param="input",
        code="invalid_encrypted_content",
    )
