"""Keys that the practice gateway treats as a gateway treats bad ones. Any other key is good."""

from __future__ import annotations

from conversations.practice import refusals
from conversations.practice.refusals import Refusal

REFUSED = "sk-practice-refused"
USED_UP = "sk-practice-used-up"
LIMITED = "sk-practice-limited"
AWAY = "sk-practice-away"


def check(key: str, *, is_for_an_answer: bool) -> None:
    """Raise the Refusal that a request with `key` gets instead of what it asked for.

    Only answers are counted and paid for: a key without balance still gets the model list.
    """
    if key == REFUSED:
        raise refusals.unauthorised("该令牌状态不可用")
    if not is_for_an_answer:
        return
    if key == USED_UP:
        raise Refusal(403, "用户额度不足, 剩余额度: ＄0.000000", code="insufficient_user_quota", param="")
    if key == LIMITED:
        raise Refusal(429, "您已达到总请求数限制：1分钟内最多请求10次")
    if key == AWAY:
        raise Refusal(503, "system cpu overloaded", code="system_cpu_overloaded", param="")
