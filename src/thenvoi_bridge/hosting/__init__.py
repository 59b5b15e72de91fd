"""Ways to run the bridge: what connects an MCP server to the outside."""
