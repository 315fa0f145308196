"""The search index: what each message and each title is found by.

Whoever writes text calls `touch` in the same transaction. What somebody forgets (or an older release has
left) is noted by triggers in StaleEntry, and read in by `refresh`, which the engine's housekeeping calls.
"""

# ruff: noqa: S608 - the statements are constants, their values parameters

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC

from django.db import connection, transaction
from django.db.models import Prefetch

from conversations.models import (
    Attachment,
    Conversation,
    Generation,
    GenerationState,
    Message,
    Part,
    PartKind,
    SearchEntry,
    StaleEntry,
)
from conversations.services import joining, search_tables, words

SAID = (PartKind.TEXT, PartKind.REFUSAL)
_AT_ONCE = 200
_MOST_LEFT = 10_000

# Facts about a message, as tokens of the index; see services.words.
ANY = "#any"
HAS = {"attachment": "#file", "tool": "#tool", "error": "#error"}


def in_conversation(pk: int) -> str:
    return f"#c{pk}"


def in_year(year: int) -> str:
    return f"#y{year}"


def in_month(year: int, month: int) -> str:
    return f"#m{year}{month:02}"


def of_model(name: str) -> list[str]:
    """Return the facts that an answer of this model has, one per word of its name."""
    return [f"##{token}" for token in words.tokens(name)]


def touch(*, messages: Iterable[Message | int] = (), titles: Iterable[Conversation | int] = ()) -> None:
    """Read these messages, and the titles of these conversations, into the index, as they stand now.

    Inside the transaction that wrote them.
    """
    of_messages = [one if isinstance(one, int) else one.pk for one in messages]
    of_titles = [one if isinstance(one, int) else one.pk for one in titles]
    for start in range(0, len(of_messages), _AT_ONCE):
        _read_in([*of_messages[start : start + _AT_ONCE]])
    if of_titles:
        _read_in([-pk for pk in of_titles])


def refresh(limit: int = _AT_ONCE) -> int:
    """Read in up to `limit` stale entries, newest messages first; return how many. One transaction."""
    with transaction.atomic():
        stale = StaleEntry.objects.order_by("-id")
        if connection.features.has_select_for_update_skip_locked:
            stale = stale.select_for_update(skip_locked=True)
        ids = list(stale.values_list("pk", flat=True)[:limit])
        if ids:
            _read_in(ids)
    return len(ids)


def left() -> int:
    """Return how many entries are stale; at most 10,000 are counted."""
    return StaleEntry.objects.all()[:_MOST_LEFT].count()


def begin_anew() -> None:
    """Empty the index; `refresh` fills it, newest messages first, while everything else goes on."""
    with transaction.atomic():
        search_tables.empty()


def forget() -> None:
    """SQLite: write the index anew, without the tokens of what is no longer in it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {search_tables.FTS}({search_tables.FTS}) VALUES ('optimize')")


def searched_texts(message: Message) -> list[tuple[str, str]]:
    """Return (whose, text) of all that a message is found by, in order: "" for its own words.

    With its parts, their tool calls and its attachments prefetched nothing is asked.
    """
    texts = []
    for run in joining.runs(list(message.parts.all())):
        if run.head.kind in SAID:
            texts.append(("", run.text))
        elif run.head.kind == PartKind.TOOL_CALL:
            call = run.head.tool_call
            texts.append((call.name, f"{call.name} {call.arguments_text}"))
            texts += [(call.name, text) for text in (call.result, call.error) if text]
    texts += [("Attachment", attachment.name) for attachment in message.attachments.all() if attachment.name]
    return texts


def with_texts(pks: Sequence[int]) -> list[Message]:
    """Return these messages with all that `searched_texts` needs. Four queries."""
    parts = Part.objects.filter(kind__in=(*SAID, PartKind.TOOL_CALL)).select_related("tool_call")
    parts = parts.defer("html", "opaque").order_by("position")
    made = Generation.objects.only("message", "model_name", "state", "ended_at").order_by("attempt")
    named = Attachment.objects.only("message", "name").order_by("position", "id")
    found = Message.objects.filter(pk__in=pks).prefetch_related(
        Prefetch("parts", queryset=parts),
        Prefetch("attachments", queryset=named),
        Prefetch("generations", queryset=made),
    )
    return list(found.select_related("conversation", "author").order_by("-pk"))


def _read_in(ids: list[int]) -> None:
    """Write the entries of these ids anew: messages, and with a minus the titles of conversations."""
    rows = [_entry_of(message) for message in with_texts([pk for pk in ids if pk > 0])]
    titled = Conversation.objects.filter(pk__in=[-pk for pk in ids if pk < 0])
    rows += [_entry_of_title(one) for one in titled.only("title", "created_at", "expires_at")]
    # What is temporary leaves no words behind: it is in no index.
    kept = [(pk, conversation, found) for pk, conversation, found, is_temporary in rows if not is_temporary]
    SearchEntry.objects.filter(pk__in=set(ids) - {pk for pk, *_ in kept}).delete()
    _store(kept)
    StaleEntry.objects.filter(pk__in=ids).delete()


def _entry_of(message: Message) -> tuple[int, int, list[str], bool]:
    facts = [ANY, in_conversation(message.conversation_id), *_times(message.created_at.astimezone(UTC))]
    generations = list(message.generations.all())
    for made in generations:
        facts += of_model(made.model_name)
    if any(made.state == GenerationState.FAILED for made in generations):
        facts.append(HAS["error"])
    parts = list(message.parts.all())
    if any(part.kind == PartKind.TOOL_CALL for part in parts):
        facts.append(HAS["tool"])
        if any(part.kind == PartKind.TOOL_CALL and part.tool_call.error for part in parts):
            facts.append(HAS["error"])
    if message.attachments.all():
        facts.append(HAS["attachment"])
    said = "\n".join(text for _, text in searched_texts(message))
    is_temporary = message.conversation.expires_at is not None
    return message.pk, message.conversation_id, [*dict.fromkeys(facts), *words.tokens(said)], is_temporary


def _entry_of_title(conversation: Conversation) -> tuple[int, int, list[str], bool]:
    facts = [ANY, in_conversation(conversation.pk), *_times(conversation.created_at.astimezone(UTC))]
    found = [*facts, *words.tokens(conversation.title)]
    return -conversation.pk, conversation.pk, found, conversation.expires_at is not None


def _times(at: object) -> list[str]:
    return [in_year(at.year), in_month(at.year, at.month)]  # type: ignore[attr-defined]


def _store(rows: list[tuple[int, int, list[str]]]) -> None:
    is_postgres = connection.vendor == "postgresql"
    value = "%s::tsvector" if is_postgres else "%s"
    write = _vector if is_postgres else " ".join
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO conversations_searchentry (id, conversation_id, words) "
            f"VALUES (%s, %s, {value}) "
            "ON CONFLICT (id) DO UPDATE"
            " SET words = excluded.words, conversation_id = excluded.conversation_id",
            [(pk, conversation, write(found)) for pk, conversation, found in rows],
        )


def _vector(found: list[str]) -> str:
    """Write tokens as a tsvector. Not by to_tsvector, whose parser would cut them in its own way."""
    places: dict[str, list[str]] = {}
    for place, token in enumerate(found, start=1):
        at = places.setdefault(token, [])
        # What Postgres keeps: 255 places, none above 16,383.
        if len(at) < 255 and place < 16_384:
            at.append(str(place))
    return " ".join(f"'{token}':{','.join(at)}" if at else f"'{token}'" for token, at in places.items())
