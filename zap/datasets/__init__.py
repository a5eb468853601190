"""Datasets: directories of TFRecords with a manifest."""
