"""The directory of a simulation: what lies where, and whether it is whole.

What is made lies in a hidden folder below until all of it is there, so that nobody
takes half a simulation for a whole one, and one that is replaced stays until then.
``simulation.json`` is moved last: a directory without it is one whose making was
interrupted. ``SIMULATED`` is written first, so that even then nobody takes what is
there for real events, and ``replace`` knows that it may go.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.errors import InputError
from zap.simulation.mapping import mapping_text
from zap.simulation.settings import Settings

FORMAT_VERSION = 1
MARK, INFO, MAPPING = "SIMULATED", "simulation.json", "mapping.toml"
EVENTS, TRUTH = "events", "truth"
MAKING, OLD = ".making", "old"
NOTE = (
    "These events are simulated: made up by zap simulate, of no real shop and no real "
    "people."
)


@dataclass(frozen=True)
class Folder:
    """A simulation's directory.

    Attributes:
        path: where it is.
    """

    path: Path

    @property
    def events(self) -> Path:
        """The folder of the events, for ``--input``."""
        return self.path / EVENTS

    @property
    def mapping(self) -> Path:
        """What the columns mean, for ``--mapping``."""
        return self.path / MAPPING

    def part_paths(self, number: int) -> tuple[Path, Path]:
        """The files of a part: events, truth."""
        return (
            self.events / f"simulated-{number:05d}.parquet",
            self.path / TRUTH / f"truth-of-simulated-{number:05d}.parquet",
        )

    @contextmanager
    def making(self, settings: Settings, replace: bool) -> Iterator[Folder]:
        """Where the simulation is made; the directory has it once the block ends.

        A block that raises leaves what was there, or nothing.

        Yields:
            The folder to be filled, with its mark and its mapping. It needs ``finish``.

        Raises:
            InputError: there is something already, and it may not be replaced; or
                another process makes a simulation there.
        """
        self._check_room(replace)
        new = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._check_room(replace)  # another may have been quicker
            made = Folder(self.path / MAKING)
            shutil.rmtree(made.path, ignore_errors=True)
            for name in (EVENTS, TRUTH):
                (made.path / name).mkdir(parents=True)
            try:
                (self.path / MARK).write_text(f"{NOTE}\n", "utf-8")
                made.mapping.write_text(mapping_text(settings), "utf-8")
                yield made
                self._take(made)
            except BaseException:
                self._give_up(made, new)
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time; the lock is the system's, and ends with it."""
        folder = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(folder)
            raise InputError(
                "Expected a directory in which no other process makes a simulation. "
                f"Received: output={self.path}, which has one. Wait for it, stop it, "
                "or choose another directory."
            ) from error
        except OSError:
            pass  # a file system without such locks
        try:
            yield
        finally:
            os.close(folder)

    def finish(self, said: Mapping[str, Any]) -> None:
        """Write what the simulation is, and with it that it is whole."""
        info = {
            "simulated": True,
            "note": NOTE,
            "format_version": FORMAT_VERSION,
            **said,
        }
        (self.path / INFO).write_text(json.dumps(info, indent=2) + "\n", "utf-8")

    def info(self) -> dict[str, Any]:
        """What ``simulation.json`` says.

        Raises:
            InputError: there is no finished simulation here.
        """
        try:
            info: dict[str, Any] = json.loads((self.path / INFO).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                "Expected the directory of a finished simulation. Received: "
                f"path={self.path}, without a readable {INFO}. Make one with zap "
                "simulate."
            ) from error
        return info

    def parts(self) -> Iterator[tuple[Path, Path]]:
        """The files of all parts, in order: events, truth."""
        for number in range(int(self.info()["parts"])):
            yield self.part_paths(number)

    def _check_room(self, replace: bool) -> None:
        if not self.path.exists():
            return
        if self.path.is_dir() and not any(self.path.iterdir()):
            return
        simulated = (self.path / MARK).is_file()
        if not (replace and simulated):
            fix = "Choose another"
            fix += ", or pass --replace to replace it." if simulated else "."
            what = "no simulation, and not empty"
            if simulated:
                whole = (self.path / INFO).is_file()
                what = "a simulation" if whole else "a simulation that is not finished"
            raise InputError(
                "Expected an empty or new directory for the simulation. Received: "
                f"output={self.path}, {what}. {fix}"
            )
        known = {EVENTS, TRUTH, MAPPING, INFO, f".{INFO}", MARK, MAKING}
        others = sorted(p.name for p in self.path.iterdir() if p.name not in known)
        if others:
            raise InputError(
                "Expected a directory that holds a simulation and nothing else. "
                f"Received: output={self.path}, with {', '.join(others)}. Move these "
                "away, or choose another directory."
            )

    def _take(self, made: Folder) -> None:
        """Put what was made in the place of what is there, what says so last.

        What was there goes when the new one is in its place: to remove it may take
        long, and who interrupts that must not lose both.
        """
        (self.path / INFO).unlink(missing_ok=True)
        (self.path / f".{INFO}").unlink(missing_ok=True)
        old = made.path / OLD
        old.mkdir()
        for name in (EVENTS, TRUTH):
            if (self.path / name).exists():
                (self.path / name).replace(old / name)
        for name in (TRUTH, EVENTS, MAPPING, INFO):
            (made.path / name).replace(self.path / name)
        shutil.rmtree(made.path, ignore_errors=True)

    def _give_up(self, made: Folder, new: bool) -> None:
        shutil.rmtree(made.path, ignore_errors=True)
        if {p.name for p in self.path.iterdir()} == {MARK}:
            (self.path / MARK).unlink()
            if new:
                self.path.rmdir()
