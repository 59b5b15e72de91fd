"""The shape of `inbox.db`, by numbered SQL files."""
