"""Scores of many subjects at once: pasts at an instant to rows of predictions."""
