"""Events a second of following an archive, beside a batch over the same events."""
