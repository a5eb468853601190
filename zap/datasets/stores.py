"""Stores that fsspec knows, read and written with errors that a user can mend.

What the packages of the stores raise is of no common kind: a name that does not
resolve, credentials that are missing and a bucket that is not there are three. All are
one to a user, who has to mend a path, a right or a network.
"""

from __future__ import annotations

import logging
import uuid
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
        with _without_tracebacks():
            yield
    except (ZapError, FileNotFoundError):
        raise
    except Exception as error:
        raise DatasetError(
            "Expected a store that can be read. Received: "
            f"path={where} ({_said(error)}). Check the path, the rights to it and the "
            "network."
        ) from error


def check_writable(where: str) -> None:
    """Check that an output on a store can be written to, before work is done for it.

    A file is made there and removed, which is what the work will do: to look would not
    tell a bucket that is missing from a folder that is yet to be, nor who may write.
    A folder of a local disk is left to whoever makes it.

    Raises:
        DatasetError: it cannot be written to.
    """
    store, root = store_of(where)
    if "file" in store.protocol:
        return
    probe = f"{root.rstrip('/')}/.zap-{uuid.uuid4().hex[:8]}"
    try:
        with _without_tracebacks():
            store.pipe_file(probe, b"")
            store.rm_file(probe)
    except Exception as error:
        raise DatasetError(
            "Expected an output in a store that can be written to. Received: "
            f"output={where} ({_said(error)}). Make its bucket, or check the path, the "
            "credentials and the network."
        ) from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else repr(error)


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    """Keeps gcsfs from logging the traceback of what it raises too."""
    logger = logging.getLogger("gcsfs")

    def let(record: logging.LogRecord) -> bool:
        return not record.exc_info

    logger.addFilter(let)
    try:
        yield
    finally:
        logger.removeFilter(let)
