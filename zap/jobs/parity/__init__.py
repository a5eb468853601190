"""Whether logged predictions come out again of the archive of raw events."""
