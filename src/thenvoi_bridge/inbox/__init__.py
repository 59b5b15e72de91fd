"""Incoming mentions of one identity, kept until they are answered, and shared by all its processes here."""
