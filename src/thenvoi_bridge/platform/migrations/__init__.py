"""Numbered SQL, applied in order at start. Write in the common subset of SQLite and Postgres."""
