"""A server with a console and a browser, for the tests that look at it."""

from __future__ import annotations

from browser import browser  # noqa: F401
from made_console import server, site  # noqa: F401
