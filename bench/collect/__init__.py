"""Benchmarks of the collector."""
