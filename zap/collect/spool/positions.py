"""How far each sink has taken a spool: a number by name that survives a crash."""

from __future__ import annotations

import os
import re
from pathlib import Path

from zap.bundles.folders import write_file
from zap.collect.spool.folders import make_folder
from zap.datasets.publishing import sync
from zap.errors import CollectError

FOLDER = "positions"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Positions:
    """The positions of the sinks of one spool.

    Each has a file of its own, so that sinks in several processes don't disturb each
    other; one name is for one process.

    Example:
        >>> import tempfile
        >>> positions = Positions(tempfile.mkdtemp())
        >>> positions.set("archive", 12)
        >>> positions.get("archive"), positions.get("store"), positions.all()
        (12, 0, {'archive': 12})

    Args:
        folder: the spool's.
    """

    def __init__(self, folder: Path | str):
        self._folder = Path(folder) / FOLDER
        self._made = False

    def get(self, name: str) -> int:
        """The number of the first record that the sink has not taken; 0 at first.

        Raises:
            CollectError: the name or its file is wrong.
        """
        path = self._path(name)
        try:
            text = path.read_text()
        except FileNotFoundError:
            return 0
        if not text.strip().isdecimal():
            raise CollectError(
                f"Expected a number in {path}. Received: {text[:40]!r}. Write the "
                "number of the first record that the sink has not taken, or 0."
            )
        return int(text)

    def set(self, name: str, position: int) -> None:
        """Keep a position; it is on the disk when this returns.

        Raises:
            CollectError: the name or the position is wrong, or the disk refuses.
        """
        path = self._path(name)
        if type(position) is not int or position < 0:
            raise CollectError(
                "Expected a position to be a whole number of at least 0. "
                f"Received: {name}={position!r}. Correct it."
            )
        temporary = path.with_name(f".{name}.tmp")
        try:
            if not self._made:
                make_folder(self._folder)
                self._made = True
            write_file(temporary, b"%d\n" % position)
            os.replace(temporary, path)
            sync(self._folder)
        except OSError as error:
            raise CollectError(
                f"Expected to write to the disk. Received: {path}: {error}. "
                "Make room on the disk, or mend it."
            ) from error

    def all(self) -> dict[str, int]:
        """Every sink's position by its name."""
        if not self._folder.is_dir():
            return {}
        names = sorted(name for name in os.listdir(self._folder) if name[0] != ".")
        return {name: self.get(name) for name in names if _NAME.fullmatch(name)}

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise CollectError(
                "Expected a sink's name of small letters, digits, '-' and '_'. "
                f"Received: name={name!r}. Choose another."
            )
        return self._folder / name
