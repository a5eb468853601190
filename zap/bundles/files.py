"""Where bundles and registries lie: one small interface over disks and object stores.

A plain path, or one of ``file://``, is the local disk and needs no package; any other
path with a protocol goes through fsspec, which is imported then and not before. What is
asked of a store is little: read a file, list a folder, make a file only where none is,
and replace a file, each in one step. All of it is tested by one suite over a local
folder, ``memory://`` and an S3 server.

What a store refuses is a `BundleError` with its path; only that a file is not there is
an answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from zap.bundles.folders import create_file, create_folder, put_folder, replace_file
from zap.errors import BundleError

Where = str | os.PathLike[str]


class Files(Protocol):
    """The files below one folder. Names are relative to it, with ``/`` between."""

    def shown(self, name: str = "") -> str:
        """The full path of a file, for messages."""

    def find(self, name: str) -> bytes | None:
        """What a file holds; None if it is not there."""

    def find_all(self, names: Sequence[str]) -> list[bytes | None]:
        """What several files hold, read together where the store can."""

    def names(self, folder: str) -> list[str]:
        """The names in a folder but hidden ones, sorted; none if it is not there."""

    def create(self, name: str, content: bytes) -> bool:
        """Make a file in one step; False, and nothing done, if there is one."""

    def create_folder(self, folder: str, contents: Mapping[str, bytes]) -> bool:
        """Make a folder of files, its last file last; False if that is there."""

    def replace(self, name: str, content: bytes) -> None:
        """Make a file, or put another content in its place, in one step."""

    def taken(self) -> bool:
        """Whether something lies at the folder's path already."""

    def place(self, contents: Mapping[str, bytes], replace: bool) -> bool:
        """Make this folder of files, its last file last; False if it is taken.

        Args:
            contents: by name. Where a folder cannot appear in one step, its last file
                is what readers wait for, and its first says whose folder it is.
            replace: whether a folder that is there may go.
        """


class LocalFiles:
    """A folder of the local disk. It is made when something is first written.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path):
        self.root = root
        self._prefix = f"{root}/"

    def shown(self, name: str = "") -> str:
        """The full path of a file, for messages."""
        return str(self.root / name)

    def find(self, name: str) -> bytes | None:
        """What a file holds; None if it is not there."""
        try:
            with open(self._prefix + name, "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refused("read", self.shown(name), error) from error

    def find_all(self, names: Sequence[str]) -> list[bytes | None]:
        """What several files hold."""
        return [self.find(name) for name in names]

    def names(self, folder: str) -> list[str]:
        """The names in a folder but hidden ones, sorted; none if it is not there."""
        try:
            found = os.listdir(self._prefix + folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            if isinstance(error, NotADirectoryError) and self.root.is_dir():
                return []  # a stray file beside the folders
            raise refused("list", self.shown(folder), error) from error
        return sorted(name for name in found if not name.startswith("."))

    def create(self, name: str, content: bytes) -> bool:
        """Make a file in one step; False, and nothing done, if there is one."""
        with _writing(self.shown(name)):
            return create_file(self.root / name, content)

    def create_folder(self, folder: str, contents: Mapping[str, bytes]) -> bool:
        """Make a folder of files in one step; False if there is one."""
        with _writing(self.shown(folder)):
            return create_folder(self.root / folder, contents)

    def replace(self, name: str, content: bytes) -> None:
        """Make a file, or put another content in its place, in one step."""
        with _writing(self.shown(name)):
            replace_file(self.root / name, content)

    def taken(self) -> bool:
        """Whether something lies at the folder's path already."""
        return os.path.lexists(self.root)

    def place(self, contents: Mapping[str, bytes], replace: bool) -> bool:
        """Make this folder of files in one step; False if it is taken."""
        with _writing(str(self.root)):
            if not (replace and self.taken()):
                return create_folder(self.root, contents)
            put_folder(self.root, contents)
            return True


def files_at(where: Where) -> Files:
    """The files below a path of the local disk or of any store that fsspec knows.

    Raises:
        MissingExtraError: fsspec is not installed.
        BundleError: fsspec knows no such store, or its package is not installed.
    """
    path = local_path(where)
    if path is not None:
        return LocalFiles(path)
    from zap.bundles.remote import RemoteFiles

    return RemoteFiles(str(where))


def local_path(where: Where) -> Path | None:
    """The path on the local disk; None for that of another store."""
    text = os.fspath(where)
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return None if "://" in text else Path(text)


def check_place(where: Where) -> None:
    """Check that a folder can be made and written to, before work is done for it.

    Looks at what is there and makes nothing. Other stores than the local disk are left
    to ``zap.datasets.stores.check_writable``.

    Args:
        where: the folder to be.

    Raises:
        BundleError: the nearest folder there is a file, or may not be written to.
    """
    path = local_path(where)
    if path is None:
        return
    path = Path(os.path.abspath(path))
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if not there.is_dir():
        raise refused("write", str(path), f"{there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise refused("write", str(path), f"no right to write to {there}")


def read(files: Files, name: str) -> bytes:
    """What a file of a bundle or a registry holds.

    Raises:
        BundleError: it is not there, or cannot be read.
    """
    content = files.find(name)
    if content is None:
        raise missing(files, name)
    return content


def missing(files: Files, name: str) -> BundleError:
    """The error of a file that is not there."""
    return refused("read", files.shown(name), "no such file")


def refused(what: str, where: str, error: OSError | str) -> BundleError:
    """The error of a store that does not do what it is asked.

    Args:
        what: a verb.
        where: the path.
        error: what the store said.
    """
    said = error if isinstance(error, str) else error.strerror or str(error)
    fix = (
        "Choose a place that can be written to, has room and has hard links"
        if what == "write"
        else "Check the path and the right to it; a bundle that lost a file must be "
        "copied again from its source"
    )
    return BundleError(
        f"Expected to {what} {where.rpartition('/')[2]}. Received: file={where}, "
        f"error={said}. {fix}."
    )


@contextmanager
def _writing(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refused("write", where, error) from error
