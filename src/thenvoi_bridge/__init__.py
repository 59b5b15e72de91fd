"""Thenvoi Bridge: an MCP server that hears, and the self-hostable Thenvoi platform it can run against."""

__version__ = "0.1.0"
