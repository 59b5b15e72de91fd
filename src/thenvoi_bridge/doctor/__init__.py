"""Looks at everything a bridge needs, changes nothing of it, and says what is wrong and what helps."""
