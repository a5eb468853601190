"""Files that could not be written, as an error that a user can mend.

A disk fills up at any byte, and a file system may say so only when a file is closed or
synced. Whatever the step, the message is one: nothing of the dataset can be used.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import fsspec

from zap.datasets.publishing import UNFINISHED
from zap.errors import DatasetError


@contextmanager
def written(path: str) -> Iterator[IO[bytes]]:
    """A new file, closed whatever happens.

    ``fsspec.open`` keeps a file open whose last bytes found no room, and writes them
    when there is some again, over whatever took the name meanwhile.

    Args:
        path: any path that fsspec can open.

    Raises:
        DatasetError: the file cannot be written to its end.
    """
    with writing(path):
        files, where = fsspec.core.url_to_fs(path)
        with files.open(where, "wb") as file:
            yield file


@contextmanager
def whole(path: str) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is whole.

    A cluster may do a worker's part again while the worker is still alive, cut off from
    it. Two writers of one name would then find each other's bytes in it; here the name
    is given in one step, and who comes second gives it to the same content. On an
    object store that is how any file is written.

    Args:
        path: any path that fsspec can open.

    Raises:
        DatasetError: the file cannot be written to its end.
    """
    files, where = fsspec.core.url_to_fs(path)
    if "file" not in files.protocol:
        with written(path) as file:
            yield file
        return
    aside = f"{where}.{uuid.uuid4().hex[:8]}{UNFINISHED}"
    try:
        with writing(path):
            with files.open(aside, "wb") as file:
                yield file
            os.replace(aside, where)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(aside)
        raise


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Give the user's error for whatever goes wrong inside with a file to be written.

    Raises:
        DatasetError: the file cannot be written to its end.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: str, error: OSError) -> DatasetError:
    """The error of a file that could not be written to its end."""
    return DatasetError(
        "Expected an output that can be written to its end. Received: "
        f"path={path} ({error.strerror or error}). Free space there or mend its "
        "permissions, or choose another output; then run it again."
    )
