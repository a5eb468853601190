"""Datasets in the stores that fsspec knows, with errors that a user can mend.

What the packages of the stores raise is of no common kind: a name that does not
resolve, credentials that are missing and a bucket that is not there are three. All are
one to a reader of a dataset, who has to mend a path, a right or a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fsspec.core import url_to_fs

from zap.errors import DatasetError, ZapError


def store_of(where: str) -> tuple[Any, str]:
    """The file system of a path, and the path in it.

    Raises:
        DatasetError: fsspec knows no such store, or its package is not installed.
    """
    try:
        store, root = url_to_fs(where)
    except (ImportError, ValueError) as error:
        raise DatasetError(
            f"Expected a path of a store that fsspec knows. Received: path={where} "
            f"({error}). Correct the protocol, or install the package it names."
        ) from error
    return store, str(root)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns whatever a store raises while it is read into the user's error.

    That a file is not there stays a `FileNotFoundError`.

    Raises:
        DatasetError: the store cannot be read.
    """
    try:
        yield
    except (ZapError, FileNotFoundError):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else repr(error)
        raise DatasetError(
            f"Expected a store that can be read. Received: path={where} ({said}). "
            "Check the path, the rights to it and the network."
        ) from error
