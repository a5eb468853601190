"""Which files of an archive hold its events now, told by their names alone.

A file is named by the numbers that it spans: ``000000000100-000000000200.parquet``
holds what its folder has of the events 100 to 199. When small files are merged, the
new one spans the old ones, which stay for a while: whoever has listed them before can
still read them, and whoever lists later leaves them out. So no reader needs a lock, and
a copy of the folder tells as much as the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

HOME = ".zap"
"""The folder of an archive's own notes: no events are in it."""

PARTITIONS = "day=%Y-%m-%d"
"""The form of the part of a path that names the day at which events came in."""

_NAME = re.compile(r"(?P<first>\d{1,19})-(?P<next>\d{1,19})\.[a-z]+")


def file_name(first: int, next_: int, suffix: str = "parquet") -> str:
    """The name of a file of some events.

    Args:
        first: the number of the first event that it may hold.
        next_: the number after the last one.
        suffix: the kind of file.
    """
    return f"{first:012d}-{next_:012d}.{suffix}"


def span_of(path: str) -> tuple[int, int] | None:
    """The first number that a file spans and the one after the last; None: none."""
    found = _NAME.fullmatch(path.replace("\\", "/").rpartition("/")[2])
    return (int(found["first"]), int(found["next"])) if found else None


def current(paths: Iterable[str]) -> list[str]:
    """The files that hold the events now.

    Args:
        paths: of files, of any folders.

    Returns:
        Those that no other of the same folder spans, in their order. Files that are not
        named by numbers stay; the archive's own notes do not.
    """
    kept = [path for path in paths if HOME not in path.replace("\\", "/").split("/")]
    gone = merged(kept)
    return [path for path in kept if path not in gone]


def merged(paths: Iterable[str]) -> dict[str, str]:
    """Files that another one of the same folder spans, and which one that is."""
    folders: dict[str, list[tuple[int, int, str]]] = {}
    for path in paths:
        span = span_of(path)
        if span is not None:
            folder = path.replace("\\", "/").rpartition("/")[0]
            folders.setdefault(folder, []).append((span[0], -span[1], path))
    found = {}
    for files in folders.values():
        files.sort()
        widest = files[0]
        for each in files[1:]:
            if each[1] >= widest[1]:
                found[each[2]] = widest[2]
            else:
                widest = each
    return found


def files_below(files: Any, folder: str) -> list[str]:
    """The Parquet files below a folder, but for the archive's own notes."""
    files.invalidate_cache()
    return [
        path
        for path in files.find(folder)
        if path.endswith(".parquet") and f"/{HOME}/" not in path
    ]
