"""The HTTP API: predictions, events, applications; who may ask it, and how much."""
