"""Bundles and registries in the stores that fsspec knows: S3, Google, Azure, memory.

An object appears whole in one step there, but a folder does not: its last file is
written last, and until then readers see no bundle. "Only where none is" is the store's
own promise (on S3 the header If-None-Match); a store for which fsspec would only look
first and write then is refused, since two deployers could overwrite one another.

Errors of the stores' own packages are many and of no common kind, so this module is the
one place that turns whatever they raise into Zap's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from inspect import signature
from typing import Any

from zap.bundles.files import refused
from zap.errors import BundleError, MissingExtraError

_ATTEMPTS = 4
_READING = 8
_CREATING = threading.Lock()
"""``memory://`` looks first and writes then; only this process can see it."""


class RemoteFiles:
    """A folder of a store that fsspec knows.

    Args:
        url: the folder, with its protocol.

    Raises:
        MissingExtraError: fsspec is not installed.
        BundleError: fsspec knows no such store, or its package is not installed.
    """

    def __init__(self, url: str):
        try:
            from fsspec.core import url_to_fs
        except ModuleNotFoundError as error:
            raise MissingExtraError("fsspec", "serve") from error
        try:
            # A kept listing would hide what others have written since: s3fs asks it
            # even when it is told to read one file.
            self._store, root = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise BundleError(
                f"Expected a path of a store that fsspec knows. Received: path={url} "
                f"({error}). Correct the protocol, or install the package it names."
            ) from error
        self._root = str(root).rstrip("/")
        self._url = url.rstrip("/")

    def shown(self, name: str = "") -> str:
        """The full path of a file, for messages."""
        return f"{self._url}/{name}" if name else self._url

    def find(self, name: str) -> bytes | None:
        """What a file holds; None if it is not there."""
        with _told("read", self.shown(name)):
            try:
                return bytes(self._store.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def find_all(self, names: Sequence[str]) -> list[bytes | None]:
        """What several files hold, read at once."""
        with ThreadPoolExecutor(_READING) as threads:
            return list(threads.map(self.find, names))

    def names(self, folder: str) -> list[str]:
        """The names in a folder but hidden ones, sorted; none if it is not there."""
        path = self._path(folder)
        with _told("list", self.shown(folder)):
            try:
                found = self._store.ls(path, detail=False)
            except FileNotFoundError:
                return []
        names = {str(entry).rstrip("/").rpartition("/")[2] for entry in found}
        return sorted(name for name in names if name and not name.startswith("."))

    def create(self, name: str, content: bytes) -> bool:
        """Make a file in one step; False, and nothing done, if there is one."""
        self._check_exclusive()
        for attempt in range(_ATTEMPTS):
            try:
                with _told("write", self.shown(name)), _CREATING:
                    self._store.pipe_file(self._path(name), content, mode="create")
                return True
            except BundleError:
                # Taken, or the store asks for another try: two wrote at one moment, or
                # an answer was lost, and then what lies there is our own.
                there = self.find(name)
                if there is not None:
                    return there == content
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable")

    def create_folder(self, folder: str, contents: Mapping[str, bytes]) -> bool:
        """Make a folder of files, its last file last; False if that is there."""
        *names, last = contents
        if self.find(f"{folder}/{last}") is not None:
            return False
        for name in names:
            self.create(f"{folder}/{name}", contents[name])
        return self.create(f"{folder}/{last}", contents[last])

    def replace(self, name: str, content: bytes) -> None:
        """Make a file, or put another content in its place, in one step."""
        with _told("write", self.shown(name)):
            self._store.pipe_file(self._path(name), content)

    def taken(self) -> bool:
        """Whether something lies at the folder's path already."""
        return bool(self.names(""))

    def place(self, contents: Mapping[str, bytes], replace: bool) -> bool:
        """Make this folder of files, its last file last; False if it is taken.

        Its first file says whose folder it is: what a killed process left, which has
        the first and not the last, is written over.
        """
        first, *names, last = contents
        there = self.names("")
        if (last in there and not replace) or (there and first not in there):
            return False
        self._remove(last)  # first, so that half of a folder never looks whole
        for name in (first, *names):
            self.replace(name, contents[name])
        return self.create(last, contents[last])

    def _remove(self, name: str) -> None:
        with _told("remove", self.shown(name)), suppress(FileNotFoundError):
            self._store.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _check_exclusive(self) -> None:
        """Refuses stores for which fsspec does not know how to create in one step."""
        from fsspec.spec import AbstractFileSystem

        made = self._store.pipe_file
        general = getattr(made, "__func__", None) is AbstractFileSystem.pipe_file
        if general or "mode" not in signature(made).parameters:
            raise BundleError(
                "Expected a store that makes a file only where none is, in one step: "
                f"a local disk, S3, Google or Azure. Received: path={self._url}. "
                "Keep the registry in another store, or install a newer package of "
                "this one."
            )


@contextmanager
def _told(what: str, where: str) -> Iterator[Any]:
    """Turns whatever a store raises into Zap's error, with the path."""
    try:
        yield
    except Exception as error:
        text = f"{type(error).__name__}: {error}" if str(error) else repr(error)
        raise refused(what, where, text) from error
