"""The directory of a simulation: what lies where, and whether it is whole.

``simulation.json`` is written last, so that a directory without it is one whose making
was interrupted. ``SIMULATED`` is written first, so that even then nobody takes what is
there for real events, and ``replace`` knows that it may go.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.errors import InputError
from zap.simulation.mapping import mapping_text
from zap.simulation.settings import Settings

FORMAT_VERSION = 1
MARK, INFO, MAPPING = "SIMULATED", "simulation.json", "mapping.toml"
EVENTS, TRUTH = "events", "truth"
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

    def begin(self, settings: Settings, replace: bool) -> None:
        """Make the directory, with its mark and its mapping.

        Raises:
            InputError: there is something already, and it may not be replaced.
        """
        self._make_room(replace)
        for name in (EVENTS, TRUTH):
            (self.path / name).mkdir(parents=True)
        (self.path / MARK).write_text(f"{NOTE}\n", "utf-8")
        self.mapping.write_text(mapping_text(settings), "utf-8")

    def finish(self, said: Mapping[str, Any]) -> None:
        """Write what the simulation is, and with it that it is whole."""
        info = {
            "simulated": True,
            "note": NOTE,
            "format_version": FORMAT_VERSION,
            **said,
        }
        aside = self.path / f".{INFO}"
        aside.write_text(json.dumps(info, indent=2) + "\n", "utf-8")
        aside.replace(self.path / INFO)

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

    def _make_room(self, replace: bool) -> None:
        if not self.path.exists():
            return
        if self.path.is_dir() and not any(self.path.iterdir()):
            return
        simulated = (self.path / MARK).is_file()
        if not (replace and simulated):
            fix = "Choose another"
            fix += ", or pass --replace to replace it." if simulated else "."
            what = "a simulation" if simulated else "no simulation, and not empty"
            raise InputError(
                "Expected an empty or new directory for the simulation. Received: "
                f"output={self.path}, {what}. {fix}"
            )
        self._remove()

    def _remove(self) -> None:
        known = {EVENTS, TRUTH, MAPPING, INFO, f".{INFO}", MARK}
        others = sorted(p.name for p in self.path.iterdir() if p.name not in known)
        if others:
            raise InputError(
                "Expected a directory that holds a simulation and nothing else. "
                f"Received: output={self.path}, with {', '.join(others)}. Move these "
                "away, or choose another directory."
            )
        # The mark goes last: what is interrupted here can be replaced once more.
        (self.path / INFO).unlink(missing_ok=True)
        for name in (EVENTS, TRUTH):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in (MAPPING, f".{INFO}", MARK):
            (self.path / name).unlink(missing_ok=True)
