"""What search needs in the database beside the tables of the models: the full-text index, and triggers.

SQLite: an FTS5 table over SearchEntry that stores no text of its own. The tokens are made by services.words,
so its tokenizer only cuts at blanks. Postgres: SearchEntry.words is a tsvector with a GIN index.

Triggers keep the index equal to SearchEntry, take an entry away with its message, and note in StaleEntry what
was written, whoever wrote it. Made after every migration: on SQLite a migration that rebuilds a table drops
them without a word.
"""

# ruff: noqa: S608 - the statements are constants

from __future__ import annotations

from django.db import connections

FTS = "conversations_search"
_ENTRY = "conversations_searchentry"
_STALE = "conversations_staleentry"

# In each the row's own table is named by {row}. What they select is put among the stale.
_PART = "SELECT {row}.message_id AS id"
_TOOL_CALL = "SELECT p.message_id AS id FROM conversations_part p WHERE p.id = {row}.part_id"
_ATTACHMENT = "SELECT {row}.message_id AS id WHERE {row}.message_id IS NOT NULL"
_GENERATION = "SELECT {row}.message_id AS id WHERE {row}.ended_at IS NOT NULL"
_TITLE = "SELECT -{row}.id AS id"
_WHOLE = f"{_TITLE} UNION ALL SELECT m.id FROM conversations_message m WHERE m.conversation_id = {{row}}.id"
# Name, table, event, what becomes stale.
_NOTING = (
    ("search_part_made", "part", "INSERT", _PART.format(row="NEW")),
    ("search_part_changed", "part", "UPDATE OF text, kind, message_id", _PART.format(row="NEW")),
    ("search_part_gone", "part", "DELETE", _PART.format(row="OLD")),
    ("search_tool_call_made", "toolcall", "INSERT", _TOOL_CALL.format(row="NEW")),
    (
        "search_tool_call_changed",
        "toolcall",
        "UPDATE OF name, arguments_text, result, error",
        _TOOL_CALL.format(row="NEW"),
    ),
    ("search_attachment_made", "attachment", "INSERT", _ATTACHMENT.format(row="NEW")),
    ("search_attachment_changed", "attachment", "UPDATE OF message_id, name", _ATTACHMENT.format(row="NEW")),
    ("search_attachment_gone", "attachment", "DELETE", _ATTACHMENT.format(row="OLD")),
    ("search_generation_made", "generation", "INSERT", _GENERATION.format(row="NEW")),
    (
        "search_generation_ended",
        "generation",
        "UPDATE OF ended_at, state, model_name",
        _GENERATION.format(row="NEW"),
    ),
    ("search_title_made", "conversation", "INSERT", _TITLE.format(row="NEW")),
    ("search_title_changed", "conversation", "UPDATE OF title", _TITLE.format(row="NEW")),
    ("search_conversation_kept", "conversation", "UPDATE OF expires_at", _WHOLE.format(row="NEW")),
    ("search_message_moved", "message", "UPDATE OF conversation_id, created_at", "SELECT NEW.id AS id"),
)
# Table, and the entry that goes with one of its rows.
_REMOVING = (
    ("search_message_gone", "message", "OLD.id"),
    ("search_conversation_gone", "conversation", "-OLD.id"),
)
TRIGGERS = (
    *(name for name, *_ in _NOTING),
    *(name for name, *_ in _REMOVING),
    "search_entry_made",
    "search_entry_changed",
    "search_entry_gone",
)


def ensure(using: str = "default") -> None:
    """Make the index where it is missing, with all there is to be read into it, and the triggers anew."""
    connection = connections[using]
    if connection.vendor not in _MAKING or _ENTRY not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        if not _is_there(using):
            for statement in _index_postgres() if connection.vendor == "postgresql" else ():
                cursor.execute(statement)
            empty(using)
        for statement in _MAKING[connection.vendor]():
            cursor.execute(statement)


def empty(using: str = "default") -> None:
    """Throw the index away and begin a new one, to be filled from what is stale: everything.

    Inside a transaction, or where nobody else writes.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        for statement in _empty_sqlite() if connection.vendor == "sqlite" else [f"TRUNCATE {_ENTRY}"]:
            cursor.execute(statement)
        cursor.execute(f"DELETE FROM {_STALE}")
        cursor.execute(f"INSERT INTO {_STALE} (id) SELECT id FROM conversations_message")
        cursor.execute(f"INSERT INTO {_STALE} (id) SELECT -id FROM conversations_conversation")


def _is_there(using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [FTS])
        else:
            cursor.execute("SELECT 1 FROM pg_indexes WHERE indexname = %s", [FTS])
        return cursor.fetchone() is not None


def _empty_sqlite() -> list[str]:
    return [
        *(f"DROP TRIGGER IF EXISTS search_entry_{event}" for event in ("made", "changed", "gone")),
        f"DELETE FROM {_ENTRY}",
        f"DROP TABLE IF EXISTS {FTS}",
        f"CREATE VIRTUAL TABLE {FTS} USING fts5(words, content='{_ENTRY}', content_rowid='id',"
        " tokenize=\"ascii tokenchars '#'\", prefix='2 3')",
        *_entry_triggers(),
    ]


def _entry_triggers() -> list[str]:
    take_out = f"INSERT INTO {FTS}({FTS}, rowid, words) VALUES ('delete', OLD.id, OLD.words);"
    put_in = f"INSERT INTO {FTS}(rowid, words) VALUES (NEW.id, NEW.words);"
    return [
        f"CREATE TRIGGER IF NOT EXISTS search_entry_made AFTER INSERT ON {_ENTRY} BEGIN {put_in} END",
        f"CREATE TRIGGER IF NOT EXISTS search_entry_changed AFTER UPDATE ON {_ENTRY}"
        f" WHEN OLD.words <> NEW.words BEGIN {take_out} {put_in} END",
        f"CREATE TRIGGER IF NOT EXISTS search_entry_gone AFTER DELETE ON {_ENTRY} BEGIN {take_out} END",
    ]


def _make_sqlite() -> list[str]:
    made = _entry_triggers()
    for name, table, event, stale in _NOTING:
        # Not INSERT OR IGNORE: a trigger's own OR yields to the one of the statement that fires it.
        note = (
            f"INSERT INTO {_STALE} (id) SELECT s.id FROM ({stale}) s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {_STALE} t WHERE t.id = s.id);"
        )
        made.append(f"DROP TRIGGER IF EXISTS {name}")
        made.append(f"CREATE TRIGGER {name} AFTER {event} ON conversations_{table} BEGIN {note} END")
    for name, table, entry in _REMOVING:
        made.append(f"DROP TRIGGER IF EXISTS {name}")
        made.append(
            f"CREATE TRIGGER {name} AFTER DELETE ON conversations_{table} BEGIN"
            f" DELETE FROM {_ENTRY} WHERE id = {entry}; DELETE FROM {_STALE} WHERE id = {entry}; END"
        )
    return made


def _index_postgres() -> list[str]:
    return [
        f"ALTER TABLE {_ENTRY} ALTER COLUMN words TYPE tsvector USING words::tsvector",
        f"CREATE INDEX {FTS} ON {_ENTRY} USING gin (words)",
    ]


def _make_postgres() -> list[str]:
    made = []
    for name, table, event, stale in _NOTING:
        row = "OLD" if event == "DELETE" else "NEW"
        body = f"INSERT INTO {_STALE} (id) {stale} ON CONFLICT DO NOTHING; RETURN {row};"
        made += _postgres_trigger(name, table, event, body)
    for name, table, entry in _REMOVING:
        gone = f"DELETE FROM {_ENTRY} WHERE id = {entry}; DELETE FROM {_STALE} WHERE id = {entry};"
        made += _postgres_trigger(name, table, "DELETE", f"{gone} RETURN OLD;")
    return made


def _postgres_trigger(name: str, table: str, event: str, body: str) -> list[str]:
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
        f"DROP TRIGGER IF EXISTS {name} ON conversations_{table}",
        f"CREATE TRIGGER {name} AFTER {event} ON conversations_{table}"
        f" FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


_MAKING = {"sqlite": _make_sqlite, "postgresql": _make_postgres}
