"""Migrations of what all inboxes on one Postgres have in common."""
