"""Folders whose names are on the disk too: what is in one is lost with its name."""

from __future__ import annotations

from pathlib import Path

from zap.datasets.publishing import sync


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are not there, for good.

    Raises:
        OSError: the disk refuses.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync(each.parent)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
