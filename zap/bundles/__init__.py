"""Bundles: directories that hold one version of a model, as data and not as code."""
