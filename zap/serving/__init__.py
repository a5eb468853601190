"""Serving: scores from bundles, without Beam and without TensorFlow."""
