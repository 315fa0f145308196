"""What a stream tells of the person's list: rows whose title or mark is another, and the order once it is."""

from __future__ import annotations

from dataclasses import asdict

from conversations.models import User
from conversations.services import searching
from conversations.services.searching import Row


class Sidebar:
    """The first page of one person's list, as one open page has it.

    `version` is the state that the page was drawn with, User.list_version.
    """

    def __init__(self, person: User, *, version: str) -> None:
        self.person = person
        self._version = version
        self._told: list[Row] | None = None

    def look(self) -> dict[str, object] | None:
        """Return what is new since the last look, or None. One small query where nothing is."""
        # Read before the rows: what changes in between is looked at once more.
        person = User.objects.filter(pk=self.person.pk).only("list_changed_at").first()
        if person is None or person.list_version == self._version:
            return None
        now = person.list_version
        self._version = now
        page = searching.sidebar(self.person)
        rows = searching.rows_of(page)
        before = {row.id: row for row in self._told or ()}
        order = [row.id for row in rows]
        news: dict[str, object] = {
            "version": now,
            "rows": [asdict(row) for row in rows if before.get(row.id) != row],
        }
        if self._told is None or order != [row.id for row in self._told]:
            news |= {"order": order, "more": page.next_place is not None}
        self._told = rows
        return news
