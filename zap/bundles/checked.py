"""What makes a bundle's bytes trustworthy: marks, digests, names and the version.

Every reader of a bundle goes through here, wherever it lies, so that a changed byte is
noticed in the same words and its file named. ``version_of`` is the identity of a model
version in registries, logs and predictions; another rule would orphan all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from zap.bundles.files import Files, read
from zap.errors import BundleError

FORMAT_VERSION = 1
INFO = "bundle.json"
COMPLETED = "COMPLETED"
VERSION_DIGITS = 16


def read_info(files: Files) -> dict[str, Any]:
    """What ``bundle.json`` says, once it was held against ``COMPLETED``.

    Raises:
        BundleError: there is no bundle, or it is incomplete, damaged or of a newer
            format.
    """
    mark = files.find(COMPLETED)
    if mark is None:
        what = (
            "has no COMPLETED mark" if files.names("") else "is empty or does not exist"
        )
        raise BundleError(
            f"Expected a complete bundle. Received: path={files.shown()}, which {what}."
            " Check the path; if it was being written, train the model again."
        )
    if not mark and files.find(INFO) is None:
        raise BundleError(
            f"Expected a bundle. Received: path={files.shown()}, which is a dataset of "
            "examples. Make a bundle of it with zap train."
        )
    content = read(files, INFO)
    # The mark is checked by itself first, or its own damage would be blamed on INFO.
    if len(mark) != 65 or not set(mark[:64]) <= set(b"0123456789abcdef"):
        raise damaged(files.shown(COMPLETED))
    if mark != mark_of(content):
        raise damaged(files.shown(INFO), f" or {COMPLETED}")
    info: dict[str, Any] = parsed(files.shown(INFO), content)
    version = info.get("format_version")
    if version != FORMAT_VERSION:
        raise BundleError(
            f"Expected a bundle of format {FORMAT_VERSION}. Received: format_version="
            f"{version!r}, path={files.shown()}. Use the version of Zap that wrote it."
        )
    check_names([*info["files"], *info.get("sealed", ())])
    return info


def check_names(names: Iterable[str]) -> None:
    """Check that files have plain names of their own, which lead nowhere else.

    Raises:
        BundleError: one does not.
    """
    seen = {INFO, COMPLETED, ".", "..", ""}
    for name in names:
        if name in seen or name != PurePosixPath(name).name:
            raise BundleError(
                f"Expected a plain file name other than {INFO} and {COMPLETED}, once. "
                f"Received: name={name!r}. Rename this part of the bundle."
            )
        seen.add(name)


def check_content(where: str, content: bytes, digest: str) -> None:
    """Check that a file is what ``bundle.json`` says of it.

    Raises:
        BundleError: a byte has changed.
    """
    if sha256(content) != digest:
        raise damaged(where)


def version_of(info: Mapping[str, Any]) -> str:
    """The first digits of the digest of all digests of files, sealed ones excepted."""
    text = json.dumps(dict(info["files"]), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode())[:VERSION_DIGITS]


def mark_of(info: bytes) -> bytes:
    """What ``COMPLETED`` holds for the bytes of ``bundle.json``."""
    return f"{sha256(info)}\n".encode()


def parsed(where: str, content: bytes) -> Any:
    """What a JSON file holds.

    Raises:
        BundleError: it is not JSON.
    """
    try:
        return json.loads(content)
    except ValueError as error:
        raise BundleError(
            f"Expected JSON in {where.rpartition('/')[2]}. Received: file={where}, "
            f"error={error}. Train the model again."
        ) from error


def damaged(where: str, more: str = "") -> BundleError:
    """The error of a file that is not what it was."""
    return BundleError(
        "Expected the bundle's files as they were written, but "
        f"{where.rpartition('/')[2]}{more} has changed. Received: file={where}. Copy "
        "the bundle again from its source, or train the model again."
    )


def sha256(content: bytes) -> str:
    """The digest in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
