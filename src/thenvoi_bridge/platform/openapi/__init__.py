"""The REST API described: an OpenAPI document read off the calls, and the same as a page for people."""
