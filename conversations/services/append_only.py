"""The lock on the audit log: triggers by which the database itself refuses a change and a deletion.

On Postgres a third one refuses to empty the table at once, which its rows' triggers are not asked about.

Made after every migration: on SQLite a migration that rebuilds the table drops them without a word.
"""

from __future__ import annotations

from django.db import connections, transaction

from conversations.models import AuditEntry

_REFUSAL = "the audit log is only added to"
TRIGGERS = {"audit_log_no_update": "UPDATE", "audit_log_no_delete": "DELETE"}
NO_TRUNCATE = "audit_log_no_truncate"


def ensure(using: str = "default") -> None:
    """Make the triggers anew where the table is there; nothing on a database of another kind."""
    connection = connections[using]
    table = AuditEntry._meta.db_table
    if table not in connection.introspection.table_names():
        return
    making = {"sqlite": _sqlite, "postgresql": _postgres}.get(connection.vendor)
    if making is None:
        return
    # In one transaction: on a running site the log is never without its lock.
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for statement in making(connection.ops.quote_name(table)):
            cursor.execute(statement)


def _sqlite(table: str) -> list[str]:
    made = []
    for name, verb in TRIGGERS.items():
        made.append(f"DROP TRIGGER IF EXISTS {name}")
        made.append(
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
    return made


def _postgres(table: str) -> list[str]:
    made = [
        "CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    ]
    for name, verb in TRIGGERS.items():
        made.append(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        made.append(
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()"
        )
    made.append(f"DROP TRIGGER IF EXISTS {NO_TRUNCATE} ON {table}")
    made.append(
        f"CREATE TRIGGER {NO_TRUNCATE} BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()"
    )
    return made
