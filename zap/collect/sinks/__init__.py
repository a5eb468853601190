"""Where delivered records go: the archive, the event store, the bad rows."""
