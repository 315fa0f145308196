"""POST /v1/chat/completions: the OpenAI chat format, which the gateway speaks for every chat model."""

from conversations.chainhub.wires.chat_completions.asking import build
from conversations.chainhub.wires.chat_completions.reading import decode, decode_reply

PATH = "/v1/chat/completions"

__all__ = ["PATH", "build", "decode", "decode_reply"]
