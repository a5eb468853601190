"""Puts the parts of a bundle together and gives them their name in one step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from zap.bundles.checked import COMPLETED, FORMAT_VERSION, INFO, mark_of, sha256
from zap.bundles.files import Files, LocalFiles
from zap.errors import BundleError


def write_files(
    files: Files,
    parts: Mapping[str, Any],
    info: Mapping[str, Any],
    sealed: Mapping[str, bytes],
    replace: bool,
) -> None:
    """Write a bundle, whole or not at all.

    Args:
        files: the folder to be.
        parts: contents by file name; see ``write_bundle``.
        info: more entries of ``bundle.json``.
        sealed: files that carry their own digest.
        replace: whether a bundle that is there already may be replaced.

    Raises:
        BundleError: the path is taken, a part is not JSON, or the store refuses.
    """
    check_free(files, replace)
    encoded_parts = {name: encoded(name, part) for name, part in parts.items()}
    described = encoded(INFO, _description(encoded_parts, info, sealed))
    contents = {
        INFO: described,
        **encoded_parts,
        **sealed,
        COMPLETED: mark_of(described),
    }
    if not files.place(contents, replace):
        raise _taken(files)


def encoded(name: str, content: Any) -> bytes:
    """A part as bytes: JSON, where it is not bytes already.

    Raises:
        BundleError: it is neither.
    """
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


def _description(
    parts: Mapping[str, bytes], info: Mapping[str, Any], sealed: Mapping[str, bytes]
) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **info,
        "files": {name: sha256(part) for name, part in sorted(parts.items())},
        **({"sealed": sorted(sealed)} if sealed else {}),
    }


def check_free(files: Files, replace: bool) -> None:
    """Check that a bundle may be written.

    Args:
        files: the folder to be.
        replace: whether a bundle that is there may be replaced.

    Raises:
        BundleError: the path is taken.
    """
    if not files.taken():
        return
    described = _is_bundle(files)
    if described and (replace or _was_stopped(files)):
        return
    raise _taken(files)


def _is_bundle(files: Files) -> bool:
    """Whether ``bundle.json`` lies there; not where the path is that of a file."""
    with suppress(BundleError):
        return INFO in files.names("")
    return False


def _was_stopped(files: Files) -> bool:
    """Whether a process was killed that wrote a bundle there, file by file."""
    return not isinstance(files, LocalFiles) and files.find(COMPLETED) is None


def _taken(files: Files) -> BundleError:
    fix = "Choose another path"
    if _is_bundle(files):
        fix += ", or pass --replace to replace the bundle there"
    return BundleError(
        "Expected a bundle's path where nothing is yet. "
        f"Received: path={files.shown()}. {fix}."
    )
