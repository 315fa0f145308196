"""The answer of the Responses format, event by event or whole, as events."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from conversations.chainhub import strict_json
from conversations.chainhub.errors import StreamBroken, UnreadableReply
from conversations.chainhub.events import Event
from conversations.chainhub.sse import BareJson, Item
from conversations.chainhub.wires.responses.answering import Answer


def decode(
    items: Iterable[Item], *, notice: Callable[[bool], None] = lambda is_over: None
) -> Iterator[Event]:
    """Turn the body of one answer, a stream or a single JSON object, into events.

    Raise StreamBroken if it ends without response.completed or .incomplete, unless all of a message is there
    (responses.md §5, §7.1), StreamRefused if the gateway reports an error and does not start over,
    UnreadableReply for data that is no JSON. `notice` is told after each event whether the answer is
    complete: what breaks from then on is no failure.
    """
    answer = Answer()
    try:
        for item in items:
            text = item.text if isinstance(item, BareJson) else item.data
            if text.strip() == "[DONE]":
                # It says nothing of how the answer ended; the end of the transfer does.
                notice(True)
                continue
            try:
                found = strict_json.load_object(text)
            except strict_json.NotJson as error:
                if answer.is_decided:
                    break
                raise _unreadable(item, error) from None
            yield from answer.take(found, is_bare=isinstance(item, BareJson))
            notice(answer.is_complete)
    except StreamBroken:
        if not answer.is_decided:
            raise
    yield from answer.end()


def decode_reply(body: Mapping[str, object]) -> Iterator[Event]:
    """Turn the body of an answer that was not streamed into the same events."""
    answer = Answer()
    yield from answer.take(body, is_bare=True)
    yield from answer.end()


def _unreadable(item: Item, error: Exception) -> StreamBroken | UnreadableReply:
    if not item.is_whole:
        return StreamBroken("the stream was cut in the middle of an event")
    return UnreadableReply(f"the answer holds data that is not JSON: {error}")
