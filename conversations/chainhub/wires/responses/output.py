"""The output items of one response: each is put together from its pieces and its whole, and said once.

What an item says comes two to four times: in deltas, when a part is done, when the item is done, and with the
whole response (responses.md §5). Whatever came first was said; of the others only what is missing still is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from conversations.chainhub import strict_json
from conversations.chainhub.assembling import ToolCalls, arguments_of, text_of
from conversations.chainhub.errors import StreamBroken
from conversations.chainhub.events import Event, Opaque, RefusalDelta, TextDelta, ThinkingDelta

# The families of pieces, by the beginning of the event's type, with the field that holds the whole.
_FAMILIES = {
    "response.output_text": ("output_text", "text"),
    "response.refusal": ("refusal", "refusal"),
    "response.reasoning_summary_text": ("summary_text", "text"),
    "response.reasoning_text": ("reasoning_text", "text"),
    "response.function_call_arguments": ("arguments", "arguments"),
}
_PARTS = ("response.content_part", "response.reasoning_summary_part")
_KINDS = {
    "output_text": "message",
    "refusal": "message",
    "summary_text": "reasoning",
    "reasoning_text": "reasoning",
    "arguments": "function_call",
}
# What nobody may be left waiting for, ours to answer or not.
_CALLS = ("function_call", "custom_tool_call")


@dataclass
class _Item:
    """`said`: what was told so far, by family and number of the part."""

    index: int
    kind: str = ""
    item_id: str = ""
    call_id: str = ""
    said: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    is_done: bool = False
    is_cut: bool = False
    is_kept: bool = False

    def told(self, family: str) -> str:
        return "".join("".join(pieces) for (name, _), pieces in self.said.items() if name == family)


class Output:
    """Takes what the events say of items, by `output_index`, and yields what is new."""

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._items: dict[int, _Item] = {}
        # Which part of which item was thought last; None as soon as something else was said.
        self._thought: tuple[int, int] | None = None

    @property
    def has_calls(self) -> bool:
        return any(item.kind == "function_call" for item in self._items.values())

    @property
    def is_all_there(self) -> bool:
        """Whether only the end of the response can be missing: an answer in words, every item whole."""
        kinds = {item.kind for item in self._items.values()}
        are_whole = all(item.is_done and not item.is_cut for item in self._items.values())
        return "message" in kinds and not kinds.intersection(_CALLS) and are_whole

    def take(self, kind: str, event: Mapping[str, object]) -> Iterator[Event]:
        """Take an event of any type; those that are about no item say nothing."""
        name, _, step = kind.rpartition(".")
        if name == "response.output_item":
            raw = _dict(event.get("item"))
            item = self._item_of(event, text_of(raw.get("type")))
            yield from self._finish(item, raw) if step == "done" else self._begin(item, raw)
        elif name in _PARTS and step == "done":
            part = _dict(event.get("part"))
            family = text_of(part.get("type"))
            if family in _KINDS:
                yield from self._complete_part(
                    event, family, text_of(part.get("text") or part.get("refusal"))
                )
        elif name in _FAMILIES:
            family, whole = _FAMILIES[name]
            if step == "delta":
                item = self._item_of(event, _KINDS[family])
                yield from self._say(item, family, _number(event), text_of(event.get("delta")))
            elif step == "done":
                yield from self._complete_part(event, family, text_of(event.get(whole)))

    def take_whole(self, items: list[object]) -> Iterator[Event]:
        """Take the list that the whole response holds: all of it, or what no event told."""
        streamed = {item.kind for item in self._items.values()}
        for position, raw in enumerate(items):
            if isinstance(raw, dict) and (item := self._place_of(raw, position, streamed)):
                yield from self._finish(item, raw)

    def check_calls(self) -> None:
        """Raise StreamBroken if the arguments of a call may be half, although the response is complete."""
        for item in self._items.values():
            if item.kind == "function_call" and not item.is_done and _parsed(item.told("arguments")) is None:
                raise StreamBroken("the answer ended in the middle of a tool call")

    def _item_of(self, event: Mapping[str, object], kind: str) -> _Item:
        """The item that an event is about; a new one if its beginning was lost (§7.1)."""
        index = event.get("output_index")
        if not isinstance(index, int):
            # Out of order, but not lost: by its id, else the newest.
            item_id = text_of(event.get("item_id"))
            named = (item.index for item in self._items.values() if item_id and item.item_id == item_id)
            index = next(named, max(self._items, default=0))
        item = self._items.setdefault(index, _Item(index))
        item.kind = item.kind or kind
        return item

    def _place_of(self, raw: Mapping[str, object], position: int, streamed: set[str]) -> _Item | None:
        """Find the item that `raw` is the whole of; a new one if there is none, None if that is doubtful.

        Some upstreams give an item another id in each event, and leave items out of the list.
        """
        kind, item_id, call_id = (text_of(raw.get(name)) for name in ("type", "id", "call_id"))
        for item in self._items.values():
            if (item_id and item.item_id == item_id) or (call_id and item.call_id == call_id):
                return item
        there = self._items.get(position)
        if there and there.kind == kind and not (call_id and there.call_id):
            return there
        if kind in streamed and kind not in _CALLS:
            return None
        index = position if there is None else max(self._items) + 1
        return self._items.setdefault(index, _Item(index, kind))

    def _begin(self, item: _Item, raw: Mapping[str, object]) -> Iterator[Event]:
        item.item_id = item.item_id or text_of(raw.get("id"))
        call_id, name = text_of(raw.get("call_id")), text_of(raw.get("name"))
        if item.kind == "function_call" and (call_id or name) and not item.call_id:
            item.call_id = call_id
            yield self._calls.add(item.index, call_id=call_id, name=name, arguments="")
            self._thought = None

    def _finish(self, item: _Item, raw: Mapping[str, object]) -> Iterator[Event]:
        # Calls are named by `call_id` (§4); where there is none, the id is better than nothing.
        yield from self._begin(item, {"call_id": raw.get("id"), **raw})
        if item.kind == "message":
            for family, name in (("output_text", "text"), ("refusal", "refusal")):
                yield from self._complete(item, family, _texts(raw.get("content"), family, name))
        elif item.kind == "reasoning":
            yield from self._complete(item, "summary_text", _texts(raw.get("summary"), "summary_text"))
            yield from self._complete(item, "reasoning_text", _texts(raw.get("content"), "reasoning_text"))
            if raw.get("encrypted_content") and not item.is_kept:
                # Without it there is nothing that another upstream could read (§4).
                item.is_kept = True
                yield Opaque("reasoning", dict(raw))
        elif item.kind == "function_call":
            yield from self._complete(item, "arguments", [arguments_of(raw.get("arguments"))])
        item.is_done = True
        item.is_cut = text_of(raw.get("status")) == "incomplete"

    def _complete_part(self, event: Mapping[str, object], family: str, whole: str) -> Iterator[Event]:
        item = self._item_of(event, _KINDS[family])
        number = _number(event)
        said = "".join(item.said.get((family, number), []))
        if whole.startswith(said):
            yield from self._say(item, family, number, whole[len(said) :])

    def _complete(self, item: _Item, family: str, wholes: list[str]) -> Iterator[Event]:
        """Say what is missing of all parts together: nobody promises that their numbers are right."""
        said, whole = item.told(family), "".join(wholes)
        if not whole.startswith(said):
            # Text that differs was read by somebody already. A call with other arguments is another call.
            if family == "arguments" and (_parsed(said) is None or _parsed(said) != _parsed(whole)):
                raise StreamBroken("the pieces of a tool call's arguments do not make the whole of them")
            return
        known = len(said)
        for number, text in enumerate(wholes):
            if known < len(text):
                yield from self._say(item, family, number, text[known:])
            known = max(0, known - len(text))

    def _say(self, item: _Item, family: str, number: int, text: str) -> Iterator[Event]:
        if not text:
            return
        if family in ("summary_text", "reasoning_text") and not self._is_first_kind(item, family):
            return
        item.said.setdefault((family, number), []).append(text)
        if family in ("summary_text", "reasoning_text"):
            here = (item.index, number)
            # Parts of a summary are paragraphs.
            yield ThinkingDelta(text if self._thought in (None, here) else f"\n\n{text}")
            self._thought = here
            return
        self._thought = None
        if family == "output_text":
            yield TextDelta(text)
        elif family == "refusal":
            yield RefusalDelta(text)
        else:
            yield self._calls.add(item.index, call_id="", name="", arguments=text)

    def _is_first_kind(self, item: _Item, family: str) -> bool:
        """A summary and the raw thoughts say the same: whichever came first is told."""
        return all(name == family for name, _ in item.said)


def _texts(parts: object, family: str, name: str = "text") -> list[str]:
    found = parts if isinstance(parts, list) else []
    return [text_of(part.get(name)) for part in found if _dict(part).get("type") == family]


def _number(event: Mapping[str, object]) -> int:
    for name in ("content_index", "summary_index"):
        number = event.get(name)
        if isinstance(number, int):
            return number
    return 0


def _parsed(arguments: str) -> dict[str, object] | None:
    try:
        return strict_json.load_object(arguments)
    except strict_json.NotJson:
        return None


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
