"""The days of an archive, and the files that hold each now."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import fsspec

from zap.errors import InputError
from zap.events.archive_files import HOME, PARTITIONS, current


def archive_days(root: str) -> dict[date, list[str]]:
    """The files of each day of receipt, over all sources; merged files are left out.

    Args:
        root: the archive's folder, local or of a store that fsspec knows.

    Returns:
        Days in their order, each with its files in theirs.

    Raises:
        InputError: there is no archive.
    """
    files, where = fsspec.core.url_to_fs(root)
    where = str(where).rstrip("/")
    found: dict[date, list[str]] = {}
    for path in current(sorted(_parquet_files(files, where))):
        source, day = path[len(where) + 1 :].split("/")[:2]
        if source.startswith("source="):
            found.setdefault(_day_of(day, path), []).append(_url(files, root, path))
    if not found:
        raise InputError(
            "Expected an archive of collected events: files like source=shop/"
            f"day=2026-11-29/000000000000-000000010000.parquet. Received: path={root}. "
            "Name the folder that holds the folders of sources."
        )
    return dict(sorted(found.items()))


def chosen_days(days: Sequence[date], first: date | None, last: date | None) -> Any:
    """Those of some days that lie from one to another, both included; None is open."""
    return [
        day
        for day in days
        if (first is None or first <= day) and (last is None or day <= last)
    ]


def newest_days(days: Sequence[date], count: int, today: date) -> list[date]:
    """The newest of some ascending days, and all that are still to come.

    Those are of a clock that was wrong, and take no other day's place: a job that loads
    the newest two every night would else miss one for years.
    """
    come = [day for day in days if day <= today]
    return [*come[-count:], *days[len(come) :]]


def _parquet_files(files: fsspec.AbstractFileSystem, where: str) -> list[str]:
    # A new listing: one that was kept knows nothing of what was merged since.
    files.invalidate_cache()
    above = glob.escape(where)
    found: list[str] = files.glob(f"{above}/source=*/day=*/*.parquet")
    return [path for path in found if HOME not in path.split("/")]


def _day_of(part: str, path: str) -> date:
    try:
        return datetime.strptime(part, PARTITIONS).replace(tzinfo=UTC).date()
    except ValueError:
        raise InputError(
            f"Expected folders like day=2026-11-29. Received: path={path}. Move what "
            "is no folder of a day out of the archive."
        ) from None


def _url(files: fsspec.AbstractFileSystem, root: str, path: str) -> str:
    """A path with the scheme that the root was given with."""
    return str(files.unstrip_protocol(path)) if "://" in root else path
