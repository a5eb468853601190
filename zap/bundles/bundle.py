"""A bundle: a directory that holds one version of a model and all that belongs to it.

It is data and never code: JSON, a Keras file, a LiteRT file, a page of HTML. It is
written under a temporary name and renamed, so it is there whole or not at all.
``bundle.json`` has the digest of every other file and ``COMPLETED`` that of
``bundle.json``, so a changed byte anywhere is noticed and its file named. The format
has a version; a change that older readers would misread must raise it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zap.errors import BundleError

FORMAT_VERSION = 1
INFO = "bundle.json"
COMPLETED = "COMPLETED"


@dataclass(frozen=True)
class Bundle:
    """A bundle that was found complete and undamaged.

    Attributes:
        path: the directory.
        info: what ``bundle.json`` says.
    """

    path: Path
    info: Mapping[str, Any]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Bundle:
        """Opens a bundle and verifies every file; no part is parsed yet.

        Raises:
            BundleError: there is no bundle, or it is incomplete, damaged (the file is
                named) or of a newer format.
        """
        directory = Path(path)
        info = _read_info(directory)
        bundle = cls(directory, info)
        for name in bundle.files:
            _verified(directory / name, info["files"][name])
        return bundle

    @property
    def files(self) -> list[str]:
        """The names of the files, sorted."""
        return sorted(self.info["files"])

    def read(self, name: str) -> bytes:
        """The bytes of a file, verified once more as they are read.

        Raises:
            BundleError: the bundle has no such file, or it changed since.
        """
        if name not in self.info["files"]:
            raise BundleError(
                f"Expected one of the files of the bundle: {', '.join(self.files)}. "
                f"Received: file={name!r}, bundle={self.path}. Ask for one of them, or "
                "train the model again."
            )
        return _verified(self.path / name, self.info["files"][name])

    def json(self, name: str) -> Any:
        """The content of a JSON file.

        Raises:
            BundleError: the bundle has no such file, or it is not JSON.
        """
        return _parsed(self.path / name, self.read(name))


def write_bundle(
    path: str | os.PathLike[str],
    files: Mapping[str, bytes | Mapping[str, Any] | list[Any]],
    info: Mapping[str, Any],
    *,
    replace: bool = False,
) -> Bundle:
    """Writes a bundle, whole or not at all.

    Args:
        path: the directory to make.
        files: contents by file name; what is not bytes is written as JSON.
        info: more entries of ``bundle.json``, for example the application, the
            generator's digest, the encoder's fingerprint and versions of packages.
        replace: whether a bundle that is there already may be replaced.

    Returns:
        The bundle as it was read back.

    Raises:
        BundleError: the path is taken, or the disk refuses.
    """
    target = Path(path)
    _check_free(target, replace)
    contents = {_checked(name): _encoded(name, part) for name, part in files.items()}
    try:
        with _temporary_beside(target) as directory:
            _write_all(directory, contents, info)
            _publish(directory, target)
    except OSError as error:
        raise BundleError(
            f"Expected to write a bundle. Received: path={target}, error={error}. "
            "Choose a directory that can be written to and has room."
        ) from error
    return Bundle.load(target)


def _write_all(
    directory: Path, contents: Mapping[str, bytes], info: Mapping[str, Any]
) -> None:
    for name, content in contents.items():
        _write(directory / name, content)
    described = {
        "format_version": FORMAT_VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **info,
        "files": {name: _sha256(part) for name, part in sorted(contents.items())},
    }
    encoded = _encoded(INFO, described)
    _write(directory / INFO, encoded)
    _write(directory / COMPLETED, f"{_sha256(encoded)}\n".encode())
    _sync_directory(directory)


def _check_free(target: Path, replace: bool) -> None:
    if not os.path.lexists(target):
        return
    if replace and (target / INFO).is_file():
        return
    fix = "Choose another path"
    if (target / INFO).is_file():
        fix += ", or ask for the bundle there to be replaced"
    raise BundleError(
        f"Expected a path where nothing is yet. Received: path={target}. {fix}."
    )


def _checked(name: str) -> str:
    if not name or name != Path(name).name or name in (INFO, COMPLETED, ".", ".."):
        raise BundleError(
            f"Expected a plain file name other than {INFO} and {COMPLETED}. "
            f"Received: name={name!r}. Rename this part of the bundle."
        )
    return name


def _encoded(name: str, content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BundleError(
            f"Expected JSON for {name}. Received: {error}. Use numbers, texts, lists "
            "and objects, and None in place of NaN."
        ) from error
    return f"{text}\n".encode()


@contextlib.contextmanager
def _temporary_beside(target: Path) -> Iterator[Path]:
    """A new directory in the parent of ``target``; removed if it is still there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    directory = target.parent / f".{target.name}.{secrets.token_hex(6)}.tmp"
    directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _publish(directory: Path, target: Path) -> None:
    """Renames ``directory`` to ``target``; what was there is moved aside first."""
    aside = directory.with_suffix(".old")
    taken = target.exists()
    if taken:
        os.rename(target, aside)
    try:
        os.rename(directory, target)
    except OSError:
        if taken:
            os.rename(aside, target)
        raise
    _sync_directory(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_info(directory: Path) -> dict[str, Any]:
    if not (directory / COMPLETED).is_file():
        what = "has no COMPLETED mark" if directory.is_dir() else "does not exist"
        raise BundleError(
            f"Expected a complete bundle. Received: path={directory}, which {what}. "
            "Check the path; if it was being written, train the model again."
        )
    mark = _bytes_of(directory / COMPLETED)
    content = _bytes_of(directory / INFO)
    # The mark is checked by itself first, or its own damage would be blamed on INFO.
    if len(mark) != 65 or not set(mark[:64]) <= set(b"0123456789abcdef"):
        raise _damaged(directory / COMPLETED)
    if mark != f"{_sha256(content)}\n".encode():
        raise _damaged(directory / INFO, f" or {COMPLETED}")
    info: dict[str, Any] = _parsed(directory / INFO, content)
    version = info.get("format_version")
    if version != FORMAT_VERSION:
        raise BundleError(
            f"Expected a bundle of format {FORMAT_VERSION}. Received: format_version="
            f"{version!r}, path={directory}. Use the version of Zap that wrote it."
        )
    return info


def _verified(path: Path, digest: str) -> bytes:
    content = _bytes_of(path)
    if _sha256(content) != digest:
        raise _damaged(path)
    return content


def _damaged(path: Path, more: str = "") -> BundleError:
    return BundleError(
        f"Expected the bundle's files as they were written, but {path.name}{more} has "
        f"changed. Received: file={path}. Copy the bundle again from its source, or "
        "train the model again."
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"Expected to read {path.name} of a bundle. Received: file={path}, "
            f"error={error.strerror}. Copy the bundle again from its source, or train "
            "the model again."
        ) from error


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise BundleError(
            f"Expected JSON in {path.name}. Received: file={path}, error={error}. "
            "Train the model again."
        ) from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
