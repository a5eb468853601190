"""Bundles and servers for the tests of scoring."""
