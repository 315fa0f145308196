"""What a conversation is called."""

from __future__ import annotations

from django.db import transaction

from conversations.models import Conversation, TitleSource
from conversations.rendering import plain
from conversations.services import tree
from conversations.services.errors import Refused

TITLE_LENGTH = 80


def from_question(text: str) -> str:
    """Return the question's first words on one line, or a word for a picture alone."""
    return plain.first_words(text[:2000], TITLE_LENGTH) or "A picture"


@transaction.atomic
def rename(conversation: Conversation, *, title: str) -> None:
    """Give the title that a person chose. Raises Refused for an empty one."""
    title = " ".join(title.split())[:200]
    if not title:
        raise Refused("A title needs at least one character.")
    tree.touch(conversation, title=title, title_source=TitleSource.PERSON)


@transaction.atomic
def name_by_model(conversation: Conversation, *, title: str) -> None:
    """Give the title that a model found, unless a person has named it meanwhile."""
    title = plain.first_words(title, TITLE_LENGTH).strip(" \"'“”.")
    still_first_words = Conversation.objects.filter(pk=conversation.pk, title_source=TitleSource.FIRST_WORDS)
    if title and still_first_words.exists():
        tree.touch(conversation, title=title, title_source=TitleSource.MODEL)
