"""POST /v1/responses: the Responses format, for OpenAI's models; some of them are served only here."""

from conversations.chainhub.wires.responses.asking import build
from conversations.chainhub.wires.responses.reading import decode, decode_reply

PATH = "/v1/responses"

__all__ = ["PATH", "build", "decode", "decode_reply"]
