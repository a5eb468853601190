"""Subjects a second of batch scoring, beside the bare model."""
