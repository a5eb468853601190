"""The files that paths, globs and directories name, and their sizes, none of them read.

A bucket is asked for its listing and not for each file, of which there may be many.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zap.errors import InputError
from zap.events.archive_files import current
from zap.events.files import filesystem, is_remote, reading
from zap.events.tables import shown

SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".log": "combined",
}


def paths_of(patterns: Sequence[str], declared: str | None) -> dict[str, int]:
    """The paths that patterns name, each once, and the size of each file."""
    paths: dict[str, int] = {}
    for pattern in patterns:
        found = listed(str(pattern), declared)
        if not found:
            raise InputError(
                "Expected at least one file of events. Received: "
                f"input={shown(str(pattern))}, which names none. Check the path; "
                f"files in a directory are found by their names ({', '.join(SUFFIXES)}"
                "), or any if the mapping says format."
            )
        paths.update(found)
    return paths


def listed(pattern: str, declared: str | None) -> dict[str, int]:
    """The files that a pattern names; of an archive those that hold its events now."""
    found = _expand(pattern, declared)
    kept = current(found) if declared == "archive" else found
    return {path: found[path] for path in kept}


def _expand(pattern: str, declared: str | None) -> dict[str, int]:
    if is_remote(pattern):
        return _expand_remote(pattern, declared)
    if os.path.isdir(pattern):
        pattern = glob.escape(pattern)
        found = glob.glob(os.path.join(pattern, "**", "*"), recursive=True)
        paths = _data_files(found, declared)
    elif os.path.isfile(pattern):
        paths = [pattern]
    else:
        found = glob.glob(pattern, recursive=True)
        paths = [path for path in found if os.path.isfile(path)]
    return {os.path.normpath(path): os.path.getsize(path) for path in paths}


def _data_files(found: Iterable[str], declared: str | None) -> list[str]:
    """The files of a directory that hold events, by their names."""
    files = []
    for path in found:
        known = declared is not None or format_of(path) is not None
        if known and not _is_hidden(path) and os.path.isfile(path):
            files.append(path)
    return files


def _is_hidden(path: str) -> bool:
    return path.replace(os.sep, "/").rpartition("/")[2].startswith((".", "_"))


def _expand_remote(pattern: str, declared: str | None) -> dict[str, int]:
    """Files and sizes as a listing tells them: one question for many files."""
    system, inner = filesystem(pattern)
    with reading(pattern):
        if glob.has_magic(inner):
            told = system.glob(inner, detail=True)
            found = {
                path: entry
                for path, entry in told.items()
                if not path.rpartition("/")[2].startswith(".")
            }
        elif system.isdir(inner):
            told = system.find(inner, detail=True)
            found = {
                path: entry
                for path, entry in told.items()
                if (declared or format_of(path)) and not _is_hidden(path)
            }
        else:
            found = {inner: system.info(inner)} if system.exists(inner) else {}
    return {
        str(system.unstrip_protocol(path)): _size(entry)
        for path, entry in found.items()
        if entry["type"] != "directory"
    }


def _size(entry: Mapping[str, Any]) -> int:
    """The size that a listing tells; where it tells none, the file is not empty."""
    return 1 if entry["size"] is None else int(entry["size"])


def format_of(path: str) -> str | None:
    """The format that a file's name tells, or None."""
    name = path.lower().removesuffix(".gz").removesuffix(".zst")
    return next((f for suffix, f in SUFFIXES.items() if name.endswith(suffix)), None)
