"""Bad rows of a subject taken out, beside a sink that writes.

In a row's place stands who it was, a number and a checksum, and nothing of what it
said: were it gone, a batch that is delivered again would bring it back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import orjson

from zap.bundles.temporaries import REPLACED, replacing, temporary_of
from zap.collect.bad.files import files_of, lines_in, refused, writing
from zap.collect.bad.listing import rows_of
from zap.collect.bad.rows import Identity, StoredRow, forgotten_line, identity_of
from zap.collect.checks.own_form import json_in
from zap.datasets.publishing import sync


def forget(folder: Path | str, predicate: Callable[[StoredRow], bool]) -> int:
    """Take out every bad row that a predicate is true of. May be run again.

    Args:
        folder: of the bad rows.
        predicate: whether a row is of the subject; see `names`.

    Returns:
        How many rows were taken out.

    Raises:
        CollectError: a file can't be read or replaced; those before it are done.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return 0
    with writing(folder):
        return sum(_in_file(path, predicate) for path in files_of(folder))


def names(payload: Any, texts: Collection[str]) -> bool:
    """Whether a payload names somebody: one of the texts is in it, as a whole.

    In what is no JSON, and in JSON inside texts, it is found anywhere.

    >>> names({"userId": "ann", "traits": {}}, {"ann"})
    True
    >>> names({"userId": "anna"}, {"ann"})
    False
    >>> names('{"userId": "ann", ', {"ann"})
    True

    Args:
        payload: of a bad row.
        texts: ids of the subject, none of them empty.
    """
    if isinstance(payload, dict):
        return any(names(each, texts) for each in payload.values())
    if isinstance(payload, list):
        return any(names(each, texts) for each in payload)
    if isinstance(payload, str):
        return payload in texts or _inside(payload, texts)
    if isinstance(payload, int | float) and not isinstance(payload, bool):
        return orjson.dumps(payload).decode() in texts
    return False


def _inside(text: str, texts: Collection[str]) -> bool:
    """Whether a text that holds JSON, plain or as base64, names one of the texts."""
    found = json_in(text)
    if found is None:
        return False
    try:
        return names(orjson.loads(found), texts)
    except ValueError:
        plain = found if isinstance(found, str) else found.decode("utf-8", "replace")
        return any(each in plain for each in texts)


def _in_file(path: Path, predicate: Callable[[StoredRow], bool]) -> int:
    gone = {row.identity for row in rows_of(path, {}) if predicate(row)}
    if gone:
        _replace(path, gone)
    return len(gone)


def _without(line: bytes, gone: Collection[Identity]) -> bytes:
    """The line, or what stands in its place."""
    try:
        identity = identity_of(line)
    except ValueError:
        return line  # damaged
    return forgotten_line(identity) if identity in gone else line


def _replace(path: Path, gone: Collection[Identity]) -> None:
    """Put a file without some rows in the place of another, in one step."""
    try:
        with replacing(path):
            temporary = temporary_of(path, REPLACED)
            try:
                with open(temporary, "wb") as file:
                    os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
                    file.writelines(_without(line, gone) for line in lines_in(path))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            sync(path.parent)
    except OSError as error:
        raise refused(path, error) from error
