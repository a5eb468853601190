"""Benchmarks: each a package of its own, run from the checkout."""
