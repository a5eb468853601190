"""Windowed aggregates of a batch beside the same windows in Polars and DuckDB."""
