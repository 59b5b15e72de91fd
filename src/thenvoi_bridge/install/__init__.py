"""Puts the bridge into the configuration of MCP hosts, and takes it out again; not the command itself."""
