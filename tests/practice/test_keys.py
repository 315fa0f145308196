"""Keys that the practice gateway treats as bad ones."""

from __future__ import annotations

import pytest
import requests

from conversations.practice import Gateway, keys
from tests.practice.asking import question

pytestmark = pytest.mark.usefixtures("wire")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        (keys.REFUSED, 401, ""),
        (keys.USED_UP, 403, "insufficient_user_quota"),
        (keys.LIMITED, 429, ""),
        (keys.AWAY, 503, "system_cpu_overloaded"),
    ],
)
@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_each_bad_key_gets_its_refusal_in_the_documented_shape(
    gateway: Gateway, wire: str, key: str, status: int, code: str
) -> None:
    address, body = f"{gateway.url}/v1/chat/completions", question()
    if wire == "responses":
        address, body = f"{gateway.url}/v1/responses", {"model": "practice-responses", "input": "Hello"}

    reply = requests.post(address, json=body, headers=bearer(key), timeout=10)

    assert reply.status_code == status
    assert reply.json()["error"]["type"] == "new_api_error"
    assert reply.json()["error"]["code"] == code


def test_only_a_refused_key_gets_no_model_list(gateway: Gateway) -> None:
    def list_with(key: str) -> int:
        return requests.get(f"{gateway.url}/v1/models", headers=bearer(key), timeout=10).status_code

    assert list_with(keys.REFUSED) == 401
    assert [list_with(key) for key in (keys.USED_UP, keys.LIMITED, keys.AWAY)] == [200, 200, 200]
