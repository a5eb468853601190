"""Wheels made of files that are there, without a build tool and without a network.

A worker installs what was staged for it. A wheel is a zip file with three files of
description, so it is written here: the same files give the same bytes, whenever and
wherever, and a bucket that has them already need not get them again.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PURE = ("py3-none-any",)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can tell
_SKIPPED = ("__pycache__",)


@dataclass(frozen=True)
class Wheel:
    """What a wheel holds.

    Attributes:
        name: of the distribution.
        version: of the distribution.
        files: where the content lies, by the path in the wheel.
        requires: requirements, as in ``Requires-Dist``.
        tags: what it runs on.
        summary: one line for whoever finds it on a worker.
    """

    name: str
    version: str
    files: Mapping[str, Path]
    requires: tuple[str, ...] = ()
    tags: tuple[str, ...] = PURE
    summary: str = ""

    @property
    def stem(self) -> str:
        """Name and version, as file names have them."""
        return f"{re.sub(r'[-_.]+', '_', self.name)}-{self.version}"


def write_wheel(wheel: Wheel, folder: Path) -> Path:
    """Write a wheel into a folder.

    Returns:
        The file, named as installers want it.
    """
    python, abi, _ = wheel.tags[0].split("-")
    platforms = ".".join(tag.split("-", 2)[2] for tag in wheel.tags)
    path = folder / f"{wheel.stem}-{python}-{abi}-{platforms}.whl"
    info = f"{wheel.stem}.dist-info"
    contents = {name: file.read_bytes() for name, file in wheel.files.items()}
    contents[f"{info}/METADATA"] = _metadata(wheel).encode()
    contents[f"{info}/WHEEL"] = _described(wheel).encode()
    lines = [f"{name},{_digest(data)}" for name, data in sorted(contents.items())]
    contents[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return path


def _metadata(wheel: Wheel) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {wheel.name}"]
    lines.append(f"Version: {wheel.version}")
    if wheel.summary:
        lines.append(f"Summary: {wheel.summary}")
    lines += [f"Requires-Dist: {each}" for each in wheel.requires]
    return "\n".join(lines) + "\n"


def _described(wheel: Wheel) -> str:
    pure = "true" if wheel.tags == PURE else "false"
    lines = ["Wheel-Version: 1.0", "Generator: zap", f"Root-Is-Purelib: {pure}"]
    return "\n".join([*lines, *(f"Tag: {tag}" for tag in wheel.tags)]) + "\n"


def _digest(data: bytes) -> str:
    found = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={found.decode()},{len(data)}"


def files_below(folder: Path, suffixes: Iterable[str] = ()) -> dict[str, Path]:
    """The files of a package's folder by their path in a wheel.

    Args:
        folder: the package; its name begins the paths.
        suffixes: endings that count; none for all. Caches and hidden files never do.
    """
    wanted = tuple(suffixes)
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in _SKIPPED for part in parts)
        if path.is_file() and not hidden and (not wanted or path.name.endswith(wanted)):
            found["/".join((folder.name, *parts))] = path
    return found


def content_digest(files: Mapping[str, Path]) -> str:
    """A short digest of files' names and contents."""
    total = hashlib.blake2b(digest_size=8)
    for name, path in sorted(files.items()):
        data = path.read_bytes()
        total.update(f"{name} {len(data)} ".encode())
        total.update(data)
    return total.hexdigest()
