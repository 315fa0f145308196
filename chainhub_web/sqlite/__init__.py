"""Django's SQLite backend, with a line before the database's one place for writers."""
