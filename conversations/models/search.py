"""What search reads: derived from titles and messages, and made again from them at any time."""

from __future__ import annotations

from django.db import models

from conversations.models.conversations import Conversation


class SearchEntry(models.Model):
    """The words of one message, or of one title: `id` is the message's, or the conversation's with a minus.

    `words` as services.words makes them; on Postgres the column is a tsvector. Written by services.indexing;
    services.search_tables keeps the full-text index over it, by triggers.
    """

    id = models.BigIntegerField(primary_key=True)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    words = models.TextField()

    def __str__(self) -> str:
        return f"Entry {self.id}"


class StaleEntry(models.Model):
    """What has changed, by its entry's `id`, and is not in the index yet. Written by triggers."""

    id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"Stale {self.id}"
