"""The MCP server: one Thenvoi identity, offered to an LLM host as tools, resources and notifications."""
