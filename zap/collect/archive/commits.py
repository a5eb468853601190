"""Files that appear together, with the position that they bring the archive to.

They are written aside and synced; then one small file, replaced in one step, says the
new position and which files belong to it. From then on the commit holds: the files are
moved to their places, by whoever comes first, the process that made it or the next one.
What is aside and in no commit was never taken, and goes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from zap.bundles.folders import replace_file
from zap.datasets.publishing import sync
from zap.errors import CollectError
from zap.events.archive_files import HOME

FORMAT = 1
Move = tuple[str, Path]


class Commits:
    """The commits of an archive; one process writes them.

    Args:
        root: the archive's folder.

    Attributes:
        position: the number of the first record that is in no commit; None before the
            first commit.
    """

    def __init__(self, root: Path):
        self.root, self.home = root, root / HOME
        self.position: int | None = None
        self._staged = self.home / "staged"
        self._record = self.home / "commit.json"

    def open(self) -> None:
        """Read the last commit, finish it, and clear what is in none.

        Raises:
            CollectError: the commit can't be understood.
            OSError: the disk refuses.
        """
        make_folder(self._staged)
        self.position, moves = self.read()
        self._move(moves)
        for path in self._staged.iterdir():
            path.unlink()

    def stage(self, name: str) -> Path:
        """Where to write a file at first."""
        return self._staged / name

    def commit(self, position: int, moves: Sequence[Move]) -> None:
        """Take staged files, which are synced.

        Args:
            position: the number after the last record that they hold.
            moves: names of staged files, and where they belong.

        Raises:
            OSError: the disk refuses. Whether the commit holds is told by ``open``.
        """
        places = [(name, str(path.relative_to(self.root))) for name, path in moves]
        record = {"format": FORMAT, "position": position, "moves": places}
        sync(self._staged)
        replace_file(self._record, orjson.dumps(record))
        self._move(moves)
        self.position = position

    def read(self) -> tuple[int | None, list[Move]]:
        """The last commit: its position, and its files' names and places.

        Raises:
            CollectError: the commit can't be understood.
            OSError: the disk refuses.
        """
        try:
            content = self._record.read_bytes()
        except FileNotFoundError:
            return None, []
        try:
            record = orjson.loads(content)
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']}")
            moves = [(str(name), self.root / place) for name, place in record["moves"]]
            return int(record["position"]), moves
        except (ValueError, KeyError, TypeError) as error:
            raise CollectError(
                f"Expected the last commit of an archive. Received: {self._record} "
                f"({error}). Use the version of Zap that wrote it; if the file is "
                "damaged, remove it: the position is told by the names of the files."
            ) from error

    def _move(self, moves: Sequence[Move]) -> None:
        """Put files in their places; those that are there already stay."""
        for name, path in moves:
            staged = self._staged / name
            if staged.exists():
                make_folder(path.parent)
                os.replace(staged, path)
        for folder in {path.parent for _, path in moves}:
            if folder.exists():
                sync(folder)


def committed(root: Path) -> int:
    """The position of an archive's last commit; 0 where there is none.

    Raises:
        CollectError: the commit can't be understood.
        OSError: the disk refuses.
    """
    return Commits(root).read()[0] or 0


def make_home(root: Path) -> Path:
    """The folder of an archive's own notes, on the disk."""
    make_folder(root / HOME)
    return root / HOME


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; their names are on the disk then."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)
