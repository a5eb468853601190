"""Event stores of commands that only make sense where there is one already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zap.serving.stores import EventStore


def existing_store(url: str, timeout_ms: int) -> EventStore:
    """The store at an address; a file that is not there is not made.

    A server may make its store as it starts. Whoever asks how one is, or wants to be
    forgotten there, has mistaken the path, and an empty store would say that all is
    well.

    Raises:
        StoreError: there is no such file, or the address is of no store.
    """
    from zap.errors import StoreError
    from zap.serving.stores import open_store

    scheme, _, path = url.partition(":")
    if scheme == "sqlite" and path and not Path(path).exists():
        raise StoreError(
            f"Expected a store that is there. Received: store={url!r}, no such file. "
            "Correct the path; a server makes the file as it starts."
        )
    return open_store(url, timeout_ms)
