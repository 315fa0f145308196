"""Everything but the answers of models: who may ask, the model list, the account, what was seen."""

from __future__ import annotations

from typing import Any

from conversations.practice import keys, prices, refusals
from conversations.practice.http_messages import HttpRequest, Reply
from conversations.practice.journal import Journal
from conversations.practice.models import MODELS
from conversations.practice.refusals import Refusal

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
PRACTICE = "/practice/"
_GRANTED_DOLLARS = 100.0
# The gateway's constant: the date on every model of its list.
_CREATED = 1626777600
_UNBUILT = ("/v1/files", "/v1/fine-tunes", "/v1/images/variations")


def reply_to(request: HttpRequest, *, journal: Journal, key: str | None) -> Reply:
    """Raise Refusal where the gateway has no such address or does not know the key."""
    route = f"{request.method} {request.path}"
    if route == "GET /practice/seen":
        return _json(journal.as_json(without_mine=True))
    if route == "POST /practice/reset":
        journal.clear()
        return _json({"success": True})
    if route == "GET /practice/models":
        return _json({name: model.about for name, model in MODELS.items()})
    # Both are public: nobody's key is asked for.
    if route == "GET /api/pricing":
        return _json(prices.table())
    if route == "GET /api/status":
        return _json(prices.status())
    answers = {
        "GET /v1/models": _model_list,
        "GET /v1/dashboard/billing/subscription": _subscription,
        "GET /dashboard/billing/subscription": _subscription,
        "GET /v1/dashboard/billing/usage": _usage,
        "GET /dashboard/billing/usage": _usage,
    }
    if route in answers:
        check_key(request, key)
        return _json(answers[route](journal))
    if request.method == "GET" and request.path.startswith("/v1/models/"):
        check_key(request, key)
        return _json(_one_model(request.path.removeprefix("/v1/models/")))
    if request.path.startswith(_UNBUILT):
        check_key(request, key)
        raise Refusal(501, "API not implemented", code="api_not_implemented", param="")
    raise refusals.url_unknown(request.method, request.path)


def check_key(request: HttpRequest, key: str | None) -> None:
    """Raise Refusal unless the request carries the key, or any key if none is set."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise refusals.unauthorised("未提供令牌")
    if key is not None and given.strip() != key:
        raise refusals.unauthorised("无效的令牌")
    keys.check(given.strip(), is_for_an_answer=request.path in (CHAT, RESPONSES))


def _json(value: Any) -> Reply:
    return Reply(200, refusals.json_bytes(value))


def _described(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": _CREATED,
        "owned_by": "custom",
        "supported_endpoint_types": ["openai-response" if MODELS[name].only_responses else "openai"],
    }


def _model_list(journal: Journal) -> dict[str, Any]:
    return {"success": True, "object": "list", "data": [_described(name) for name in MODELS]}


def _one_model(name: str) -> dict[str, Any]:
    """Status 200 whatever was asked for, as the gateway has it."""
    if name in MODELS:
        return _described(name)
    message = f"The model '{name}' does not exist"
    error = {"message": message, "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    return {"error": error}


def _subscription(journal: Journal) -> dict[str, Any]:
    return {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": _GRANTED_DOLLARS,
        "hard_limit_usd": _GRANTED_DOLLARS,
        "system_hard_limit_usd": _GRANTED_DOLLARS,
        "access_until": 0,
    }


def _usage(journal: Journal) -> dict[str, Any]:
    """In hundredths of a dollar: one for each answer in the journal."""
    return {"object": "list", "total_usage": float(journal.answers)}
