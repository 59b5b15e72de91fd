"""Thenvoi Bridge: an MCP server that hears, and the self-hostable Thenvoi platform it can run against."""

from importlib.metadata import version

__version__ = version("thenvoi-bridge")
