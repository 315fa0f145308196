"""The gateway's ways to say no: raised anywhere before the first byte of an answer, sent as documented."""

from __future__ import annotations

import json
from typing import Any


class Refusal(Exception):
    """An error in the OpenAI shape. `param` is None for what the gateway refuses before it relays."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "new_api_error",
        code: str | None = "",
        param: str | None = None,
        relayed: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        # What an upstream refused of a streaming request comes as JSON under an event-stream type.
        self.relayed = relayed

    def body(self, request_id: str) -> bytes:
        return error_body(
            f"{self.message} (request id: {request_id})", kind=self.kind, code=self.code, param=self.param
        )


def error_body(message: str, *, kind: str, code: str | None, param: str | None) -> bytes:
    error: dict[str, str | None] = {"message": message, "type": kind}
    if param is not None:
        error["param"] = param
    error["code"] = code
    return json_bytes({"error": error})


def json_bytes(value: Any) -> bytes:
    """Compact, as the gateway writes it. A lone surrogate, which UTF-8 has not, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def unauthorised(message: str) -> Refusal:
    return Refusal(401, message)


def model_missing() -> Refusal:
    """Also the answer to a body that the gateway did not parse, because of its Content-Type."""
    return Refusal(400, "未指定模型名称，模型名称不能为空")


def model_unknown(name: str) -> Refusal:
    return Refusal(503, f"分组 default 下模型 {name} 无可用渠道（distributor）", code="model_not_found")


def request_invalid(message: str) -> Refusal:
    """The gateway could not read the request: the documented 500 that blames the request."""
    return Refusal(500, message, code="invalid_request", param="", relayed=True)


def wrong_type(found: object, *, field: str, wanted: str, struct: str = "GeneralOpenAIRequest") -> Refusal:
    """What Go's JSON decoder says of a field of another type."""
    kinds = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    kind = kinds.get(type(found), "null")
    where = f"Go struct field {struct}.{field}"
    return request_invalid(f"json: cannot unmarshal {kind} into {where} of type {wanted}")


def value_invalid(message: str, *, param: str, code: str | None = "invalid_value") -> Refusal:
    """The upstream read the request and will not have it."""
    return Refusal(400, message, kind="invalid_request_error", code=code, param=param, relayed=True)


def url_unknown(method: str, path: str) -> Refusal:
    return Refusal(404, f"Invalid URL ({method} {path})", kind="invalid_request_error", param="")
