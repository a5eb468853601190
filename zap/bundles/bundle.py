"""A bundle: a directory that holds one version of a model and all that belongs to it.

It is data and never code: JSON, a Keras file, a LiteRT file, a page of HTML. It is
written under a temporary name and renamed, so it is there whole or not at all.
``bundle.json`` has the digest of every other file and ``COMPLETED`` that of
``bundle.json``, so a changed byte anywhere is noticed and its file named. A *sealed*
file (`zap.bundles.sealed`) carries its own digest instead, and may be replaced. The
format has a version; a change that older readers would misread must raise it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from zap.bundles.checked import (
    COMPLETED,
    INFO,
    check_content,
    check_names,
    parsed,
    read_info,
    version_of,
)
from zap.bundles.files import Files, Where, files_at, local_path, missing, read
from zap.bundles.sealed import Seal, check_seal, unseal
from zap.bundles.writing import write_files
from zap.errors import BundleError

__all__ = ["COMPLETED", "INFO", "Bundle", "write_bundle"]


@dataclass(frozen=True)
class Bundle:
    """A bundle that was found complete.

    What was loaded from a URL is held in memory, so that it is fetched once; of a local
    bundle each file is read when it is asked for.

    Attributes:
        path: the directory, or its URL.
        info: what ``bundle.json`` says.
    """

    path: Path | str
    info: Mapping[str, Any]
    _files: Files = field(repr=False, compare=False)
    _held: Mapping[str, bytes] = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def load(cls, path: Where) -> Bundle:
        """Opens a bundle and verifies every file; no part is parsed yet.

        Args:
            path: of the local disk, or a URL of any store that fsspec knows.

        Raises:
            BundleError: there is no bundle, or it is incomplete, damaged (the file is
                named) or of a newer format.
        """
        bundle = cls.open(path)
        names = [*bundle.files, *bundle.sealed]
        held = {}
        for name, content in zip(names, bundle._files.find_all(names), strict=True):
            if content is None:
                raise missing(bundle._files, name)
            bundle._check(name, content)
            if isinstance(bundle.path, str) and name in bundle.files:
                held[name] = content
        return changed(bundle, _held=held)

    @classmethod
    def open(cls, path: Where) -> Bundle:
        """Opens a bundle; a file is verified when it is read, and not before.

        Raises:
            BundleError: there is no bundle, or it is incomplete or of a newer format,
                or ``bundle.json`` is damaged.
        """
        files = files_at(path)
        return cls(local_path(path) or str(path), read_info(files), files)

    @property
    def files(self) -> list[str]:
        """The names of the files that stay as they are, sorted."""
        return sorted(self.info["files"])

    @property
    def sealed(self) -> list[str]:
        """The names of the files that carry their own digest, sorted."""
        return sorted(self.info.get("sealed", ()))

    @property
    def version(self) -> str:
        """16 hexadecimal digits that say what the files hold, sealed ones excepted."""
        return version_of(self.info)

    def read(self, name: str) -> bytes:
        """The bytes of a file, verified once more as they are read.

        Raises:
            BundleError: the bundle has no such file, or it changed since.
        """
        if name not in self.info["files"] and name not in self.sealed:
            raise BundleError(
                "Expected one of the files of the bundle: "
                f"{', '.join([*self.files, *self.sealed])}. Received: file={name!r}, "
                f"bundle={self.path}. Ask for one of them, or train the model again."
            )
        content = self._held.get(name) or read(self._files, name)
        self._check(name, content)
        return content

    def json(self, name: str) -> Any:
        """The content of a JSON file.

        Raises:
            BundleError: the bundle has no such file, or it is not JSON.
        """
        return parsed(self._files.shown(name), self.read(name))

    def records(self, name: str) -> tuple[list[dict[str, Any]], Seal]:
        """The records of a sealed file, and what it says of itself.

        Raises:
            BundleError: the bundle has no such file, or it changed since it was sealed.
        """
        return unseal(self.read(name), self._files.shown(name))

    def contents(self) -> dict[str, bytes]:
        """All files as they are stored, verified; ``COMPLETED`` is the last.

        Raises:
            BundleError: a file changed since.
        """
        names = [*self.files, *self.sealed]
        described = {name: read(self._files, name) for name in (INFO, COMPLETED)}
        return {**{name: self.read(name) for name in names}, **described}

    def replace_sealed(self, name: str, content: bytes) -> None:
        """Put another content in the place of a sealed file, in one step.

        Args:
            name: of a sealed file that the bundle has.
            content: as ``zap.bundles.sealed.seal`` makes it.

        Raises:
            BundleError: the bundle has no such file, or the content is not sealed.
        """
        if name not in self.sealed:
            raise BundleError(
                f"Expected a sealed file of the bundle: {self.sealed}. Received: "
                f"file={name!r}, bundle={self.path}. All other files stay as they are."
            )
        check_seal(content, self._files.shown(name))
        self._files.replace(name, content)

    def _check(self, name: str, content: bytes) -> None:
        where = self._files.shown(name)
        if name in self.info["files"]:
            check_content(where, content, self.info["files"][name])
        else:
            check_seal(content, where)


def write_bundle(
    path: Where,
    files: Mapping[str, bytes | Mapping[str, Any] | list[Any]],
    info: Mapping[str, Any],
    *,
    sealed: Mapping[str, bytes] | None = None,
    replace: bool = False,
) -> Bundle:
    """Writes a bundle, whole or not at all.

    On the local disk it appears in one step. In another store its mark is written
    last, and where a bundle is replaced there is none for a moment; what a killed
    process left is written over.

    Args:
        path: the directory to make, or its URL in any store that fsspec knows.
        files: contents by file name; what is not bytes is written as JSON.
        info: more entries of ``bundle.json``, for example the application, the
            generator's digest, the encoder's fingerprint and versions of packages.
        sealed: files that carry their own digest, as ``zap.bundles.sealed.seal`` makes
            them.
        replace: whether a bundle that is there already may be replaced.

    Returns:
        The bundle as it was read back.

    Raises:
        BundleError: the path is taken, or the store refuses.
    """
    check_names([*files, *(sealed or {})])
    for name, content in (sealed or {}).items():
        check_seal(content, name)
    write_files(files_at(path), files, info, sealed or {}, replace)
    return Bundle.load(path)
