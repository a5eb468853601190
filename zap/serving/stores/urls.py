"""Addresses of event stores."""

from __future__ import annotations

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """The address without user, password and options."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    hosts = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{hosts}{parts.path}"
