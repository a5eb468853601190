"""Folders whose names are on the disk too: what is in one is lost with its name."""

from __future__ import annotations

from pathlib import Path

from zap.datasets.publishing import sync


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, for good.

    Names are synced whether they are new or not: who made them may have been killed
    before it could do so.

    Raises:
        OSError: the disk refuses, or a file is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for above in folder.absolute().parents:
        try:
            sync(above)
        except PermissionError:
            return  # in what we may not even list, we made nothing
