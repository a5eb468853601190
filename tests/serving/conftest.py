"""A whole run on a made-up shop, for the tests that serve its model."""

from __future__ import annotations

from made_run import made_run  # noqa: F401
