"""Servers for the tests of scoring."""

from tests.serving.conftest import redis  # noqa: F401
