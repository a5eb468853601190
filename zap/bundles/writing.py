"""Puts the parts of a bundle together and gives them their name in one step."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zap.bundles.checked import COMPLETED, FORMAT_VERSION, INFO, mark_of, sha256
from zap.bundles.folders import create_folder, put_folder
from zap.errors import BundleError


def write_files(
    target: Path,
    files: Mapping[str, Any],
    info: Mapping[str, Any],
    sealed: Mapping[str, bytes],
    replace: bool,
) -> None:
    """Write a bundle, whole or not at all; see ``write_bundle`` for the arguments.

    Raises:
        BundleError: the path is taken, a part is not JSON, or the disk refuses.
    """
    check_free(target, replace)
    parts = {name: encoded(name, part) for name, part in files.items()}
    described = encoded(INFO, _description(parts, info, sealed))
    contents = {**parts, **sealed, INFO: described, COMPLETED: mark_of(described)}
    try:
        if replace and os.path.lexists(target):
            put_folder(target, contents)
        elif not create_folder(target, contents):
            raise _taken(target)
    except OSError as error:
        raise BundleError(
            f"Expected to write a bundle. Received: path={target}, error={error}. "
            "Choose a directory that can be written to and has room."
        ) from error


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


def check_free(target: Path, replace: bool) -> None:
    """Check that a bundle may be written.

    Args:
        target: the directory to be.
        replace: whether a bundle that is there may be replaced.

    Raises:
        BundleError: the path is taken.
    """
    if not os.path.lexists(target):
        return
    if replace and (target / INFO).is_file():
        return
    raise _taken(target)


def _taken(target: Path) -> BundleError:
    fix = "Choose another path"
    if (target / INFO).is_file():
        fix += ", or pass --replace to replace the bundle there"
    return BundleError(
        "Expected a bundle's path where nothing is yet. "
        f"Received: path={target}. {fix}."
    )
