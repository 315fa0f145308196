"""Questions that lead to tool calls."""

from __future__ import annotations

import json
import uuid

from conversations.models import Conversation, ToolCall, User
from conversations.services import accepting, sending
from tests.generation.test_requests import EXAMPLES

GUIDE = json.loads((EXAMPLES / "guide-tools.request.json").read_text())
QUESTION = GUIDE["input"][0]["content"]
SHIPPED = ["random_generator", "system_info", "math_calculator", "current_time"]


def ask(
    author: User, text: str, model: str, *, tools: list[str], conversation: Conversation | None = None
) -> accepting.Turn:
    return sending.send_message(
        conversation, author=author, send_id=uuid.uuid4(), text=text, model_name=model, tools=tools
    )


def states(turn: accepting.Turn) -> list[tuple[str, str]]:
    calls = ToolCall.objects.filter(generation__message=turn.answer).order_by("round", "position")
    return list(calls.values_list("name", "state"))
