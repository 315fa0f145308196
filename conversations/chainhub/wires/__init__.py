"""One module per wire format: PATH, build(request), decode(items), decode_reply(body). None knows another."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from conversations.chainhub import sse
from conversations.chainhub.events import Event
from conversations.chainhub.messages import ChatRequest
from conversations.chainhub.wires import chat_completions, responses

__all__ = ["WIRES", "Wire", "by_name", "chat_completions", "responses"]


class Wire(Protocol):
    """A wire format; each module in here is one."""

    PATH: str

    def build(self, request: ChatRequest) -> dict[str, object]: ...

    def decode(
        self, items: Iterable[sse.Item], *, notice: Callable[[bool], None] = ...
    ) -> Iterator[Event]: ...

    def decode_reply(self, body: Mapping[str, object]) -> Iterator[Event]: ...


# The names are stored with models, calls and opaque items: they do not change.
WIRES: Mapping[str, Wire] = MappingProxyType({"chat_completions": chat_completions, "responses": responses})


def by_name(name: str) -> Wire:
    """Return the wire of that name; raise KeyError where there is none."""
    return WIRES[name]
