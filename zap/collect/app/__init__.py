"""The collector's own application: from a request to what is on disk, and back."""
