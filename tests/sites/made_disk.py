"""A model of a disk that loses, at a crash, what was not synced.

It is fed with the calls that a process made, and gives the folders that may be found
after a loss of power at any moment: all that was synced, and of the rest any part. A
file's name is there for sure only if its folder was synced since it was made; bytes
only if the file was. Of the others each sector may be there or not, and the file may
have its old size or the new one, since a system writes back early what it likes.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

SECTOR = 512
PAGE_BYTES = 4_096
"""What a small disk gives to a file at once."""


class Call(NamedTuple):
    """A call that a process made, once it had succeeded, or what it told others.

    Attributes:
        name: ``make`` (a folder), ``open`` (that makes or empties a file), ``write``,
            ``truncate``, ``sync``; ``told`` is for the one who looks. A sync that took
            a while may have a ``begin`` before it: it brings what was there then.
        path: which file or folder.
        data: what was written; what was told.
        offset: of what was written; the new size.
    """

    name: str
    path: Path = Path()
    data: Any = b""
    offset: int = 0


@dataclass
class _File:
    seen: bytes = b""
    synced: bytes = b""


@dataclass
class Disk:
    """Files and folders below a root that is there for sure.

    Args:
        root: absolute.
        files, folders: what a process sees.
        names: those that the disk has for sure.
        begun: syncs that have not ended, and what they bring to the disk.
    """

    root: Path
    files: dict[Path, _File] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    names: set[Path] = field(default_factory=set)
    begun: dict[Path, bytes | set[Path]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Disk:
        """One that has for sure all that is in a folder now."""
        disk = cls(root)
        for path in root.rglob("*"):
            disk.names.add(path)
            if path.is_dir():
                disk.folders.add(path)
            else:
                content = path.read_bytes()
                disk.files[path] = _File(content, content)
        return disk

    def apply(self, call: Call) -> None:
        """Do what the process did."""
        path = call.path
        if call.name == "make":
            self.folders.add(path)
        elif call.name == "open":
            self.files.setdefault(path, _File()).seen = b""
        elif call.name == "write":
            file = self.files[path]
            start = file.seen[: call.offset].ljust(call.offset, b"\0")
            file.seen = start + call.data + file.seen[call.offset + len(call.data) :]
        elif call.name == "truncate":
            self.files[path].seen = self.files[path].seen[: call.offset]
        elif call.name == "begin":
            self.begun[path] = self._there(path)
        elif call.name == "sync":
            there = self.begun.pop(path, None) or self._there(path)
            if isinstance(there, bytes):
                self.files[path].synced = there
            else:
                self.names |= there

    def _there(self, path: Path) -> bytes | set[Path]:
        """What a sync that begins now brings to the disk."""
        if path in self.files:
            return self.files[path].seen
        return {p for p in (*self.files, *self.folders) if p.parent == path}

    def crash(self, target: Path, chance: random.Random | None = None) -> None:
        """Write what is found after a loss of power.

        Args:
            target: stands for the root.
            chance: what else than the synced was written back; None: nothing.
        """
        target.mkdir()
        for path in sorted(self.folders):
            place = target / path.relative_to(self.root)
            if place.parent.is_dir() and self._found(path, chance):
                place.mkdir()
        for path, file in self.files.items():
            place = target / path.relative_to(self.root)
            if place.parent.is_dir() and self._found(path, chance):
                place.write_bytes(_found_bytes(file, chance))

    def kill(self, target: Path) -> Disk:
        """Write what is found after the process alone has ended: all that it saw.

        Returns:
            The disk of the next process, which has no more for sure than this one.
        """
        target.mkdir()

        def moved(path: Path) -> Path:
            return target / path.relative_to(self.root)

        for path in sorted(self.folders):
            moved(path).mkdir()
        for path, file in self.files.items():
            moved(path).write_bytes(file.seen)
        return Disk(
            target,
            {moved(path): replace(file) for path, file in self.files.items()},
            {*map(moved, self.folders)},
            {*map(moved, self.names)},
        )

    def _found(self, path: Path, chance: random.Random | None) -> bool:
        return path in self.names or (chance is not None and chance.random() < 0.5)


def _found_bytes(file: _File, chance: random.Random | None) -> bytes:
    if chance is None:
        return file.synced
    size = chance.choice((len(file.synced), len(file.seen)))
    found = bytearray(file.synced[:size].ljust(size, b"\0"))
    for at in range(0, min(size, len(file.seen)), SECTOR):
        if chance.random() < 0.5:
            piece = file.seen[at : min(at + SECTOR, size)]
            found[at : at + len(piece)] = piece
    return bytes(found)


@contextmanager
def recorded(root: Path) -> Iterator[list[Call]]:
    """The calls that this process makes below a root, while it is open."""
    calls: list[Call] = []
    lock = threading.Lock()
    real = {n: getattr(os, n) for n in ("open", "pwrite", "ftruncate", "mkdir")}
    syncs = {name: getattr(os, name) for name in ("fsync", "fdatasync")}

    def note(name: str, path: Any, data: bytes = b"", offset: int = 0) -> None:
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        if Path(path).is_relative_to(root):
            with lock:
                calls.append(Call(name, Path(path), data, offset))

    def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        file: int = real["open"](path, flags, *rest, **named)
        if flags & os.O_TRUNC or (flags & os.O_CREAT and not os.fstat(file).st_size):
            note("open", path)
        return file

    def written(file: int, data: Any, offset: int) -> int:
        count: int = real["pwrite"](file, data, offset)
        note("write", file, bytes(data[:count]), offset)
        return count

    def truncated(file: int, size: int) -> None:
        real["ftruncate"](file, size)
        note("truncate", file, offset=size)

    def made(path: Any, *rest: Any, **named: Any) -> None:
        real["mkdir"](path, *rest, **named)
        note("make", path)

    def synced(name: str) -> Any:
        def sync(file: int) -> None:
            syncs[name](file)
            note("sync", file)

        return sync

    with (
        mock.patch.object(os, "open", opened),
        mock.patch.object(os, "pwrite", written),
        mock.patch.object(os, "ftruncate", truncated),
        mock.patch.object(os, "mkdir", made),
        mock.patch.object(os, "fsync", synced("fsync")),
        mock.patch.object(os, "fdatasync", synced("fdatasync")),
    ):
        yield calls


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A real file system of so many bytes, a multiple of PAGE_BYTES, at a new folder.

    The test is skipped where none may be mounted.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"may not mount a small file system: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
