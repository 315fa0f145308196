"""The price table of the practice gateway, in the documented shape. Its prices are made up."""

from __future__ import annotations

from typing import Any

from conversations.practice.models import MODELS

GROUPS: dict[str, float] = {"default": 1, "vip": 0.8}
# Input is twice the ratio for a million tokens; output is that times the second number.
_RATIOS: dict[str, tuple[float, float]] = {
    "practice-chat": (0.5, 4),
    "practice-thinking": (1.25, 8),
    "practice-tools": (1.25, 4),
    "practice-rounds": (1.25, 4),
    "practice-responses": (0.625, 8),
    "practice-responses-thinking": (0.625, 8),
    "practice-responses-tools": (0.625, 8),
    "practice-steady": (0.075, 4),
    "practice-very-long": (0.075, 4),
    "practice-no-usage": (0.5, 4),
    # The gateway's "price not set".
    "practice-think-tags": (37.5, 1),
    "practice-json": (37.5, 8),
}
_PER_CALL: dict[str, float] = {"practice-picture": 0.04}
_ONLY_VIP = ("practice-very-long",)


def table() -> dict[str, Any]:
    """Models that stand in neither list have no row: that they have no price is a case, too."""
    return {
        "success": True,
        "data": [_row(name) for name in MODELS if name in _RATIOS or name in _PER_CALL],
        "vendors": [{"id": 1, "name": "Practice", "icon": ""}],
        "group_ratio": GROUPS,
        "usable_group": {"default": "default"},
        "supported_endpoint": {"openai": {"path": "/v1/chat/completions", "method": "POST"}},
        "auto_groups": ["default"],
    }


def status() -> dict[str, Any]:
    """What a site tells about itself: here that it counts in no money."""
    data = {
        "quota_per_unit": 500_000,
        "quota_display_type": "TOKENS",
        "system_name": "Practice",
        "_qn": "new-api",
    }
    return {"success": True, "message": "", "data": data}


def _row(name: str) -> dict[str, Any]:
    ratio, completion = _RATIOS.get(name, (0, 0))
    return {
        "model_name": name,
        "description": MODELS[name].about,
        "icon": "",
        "tags": "Chat",
        "vendor_id": 1,
        "quota_type": 1 if name in _PER_CALL else 0,
        "model_ratio": ratio,
        "model_price": _PER_CALL.get(name, 0),
        "owner_by": "",
        "completion_ratio": completion,
        "enable_groups": ["vip"] if name in _ONLY_VIP else list(GROUPS),
        "supported_endpoint_types": ["openai"],
    }
