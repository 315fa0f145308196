"""What the person who asks has said and read before. Never anybody else's."""

from __future__ import annotations

from django.utils import timezone

from conversations.services import searching
from conversations.services.errors import Refused
from conversations.services.searching import Hit
from conversations.tools.registry import Asked, Tool

MOST = 10
# SQLite gives up on LIKE patterns of 50,000 bytes; nobody searches for a page.
LONGEST = 500


def search(asked: Asked) -> dict[str, object]:
    """Return the newest conversations of the person that hold every word of `query`."""
    query: str = asked.arguments["query"].strip()
    limit: int = asked.arguments.get("limit", 5)
    if not query:
        raise Refused("`query` must hold a word.")
    if len(query) > LONGEST:
        raise Refused(f"`query` must have at most {LONGEST} characters. Send a few words.")
    hits, more = searching.hits(asked.person, query=query)
    return {
        "found": [_described(hit, asked) for hit in hits[:limit]],
        "there_are_more": more or len(hits) > limit,
    }


def _described(hit: Hit, asked: Asked) -> dict[str, object]:
    place = f"#message-{hit.message_id}" if hit.message_id else ""
    described: dict[str, object] = {
        "title": str(hit.conversation),
        "date": timezone.localtime(hit.at, asked.person.zone).isoformat(timespec="minutes"),
        "snippet": hit.snippet,
        "address": hit.conversation.get_absolute_url() + place,
    }
    if hit.conversation.pk == asked.conversation.pk:
        # The question itself holds the words; the model should not take that for a find.
        described["is_this_conversation"] = True
    return described


TOOL = Tool(
    name="search_conversations",
    description=(
        "Search the earlier conversations of the person who asks, by words in titles and messages. "
        "All words must occur. Returns titles, dates, snippets and addresses, newest first."
    ),
    parameters={
        "type": "object",
        "properties": {
            "query": {"description": "A few words to look for", "type": "string"},
            "limit": {
                "description": f"How many conversations to return (default 5, maximum {MOST})",
                "type": "integer",
                "minimum": 1,
                "maximum": MOST,
            },
        },
        "required": ["query"],
    },
    run=search,
    is_repeatable=True,
    reads_private=True,
)
