"""The self-hosted server: the Thenvoi REST API and WebSocket on one origin.

It meets the bridge only through the wire contract; the two never import each other.
"""
