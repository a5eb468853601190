"""What a search for settings gains on visitors that it never saw."""
