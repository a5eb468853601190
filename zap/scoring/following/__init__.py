"""Scores that follow events as they come in: what is kept, and when it is scored."""
