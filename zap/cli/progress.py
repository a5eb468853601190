"""Progress of long work on stderr; silent where stderr is not a terminal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zap.errors import MissingExtraError

STAGES = {
    "generate": "Reading events, cutting examples",
    "train": "Training",
    "tune": "Tuning",
    "report": "Writing the report",
    "score": "Scoring",
}


class Progress:
    """Shows the stage, the parts written and the epochs."""

    def __init__(self) -> None:
        try:
            from rich.console import Console
            from rich.status import Status
        except ModuleNotFoundError as error:
            raise MissingExtraError("rich", "beam") from error
        self._console = Console(stderr=True)
        self._status = Status("", console=self._console)
        self._stage = ""
        self._stop = threading.Event()

    @property
    def shown(self) -> bool:
        """Whether anybody sees it."""
        return self._console.is_terminal

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._stage = STAGES.get(name, name)
        if self.shown:
            self._status.update(f"{self._stage} ...")
            self._status.start()

    def workspace(self, path: str) -> None:
        """A dataset is being made in ``path``: count its parts as they come."""
        if self.shown:
            watch = threading.Thread(
                target=self._watch, args=(Path(path),), daemon=True
            )
            watch.start()

    def folder(self, stage: str, path: str) -> None:
        """A stage begins that leaves files in ``path`` on its way: tell how much."""
        self.stage(stage)
        if self.shown and "://" not in path:
            watch = threading.Thread(
                target=self._watch_size, args=(Path(path), self._stage), daemon=True
            )
            watch.start()

    def _watch_size(self, path: Path, stage: str) -> None:
        while not self._stop.wait(0.5) and path.exists() and stage == self._stage:
            moved, parts = list(path.glob("shuffle/*")), list(path.glob("*-part-*"))
            size = sum(each.stat().st_size for each in moved if each.exists())
            said = f"{size / 1e6:.1f} MB of events read"
            if parts:
                said = f"{len(parts)} parts written"
            self._status.update(f"{stage}: {said} ...")

    def _watch(self, path: Path) -> None:
        while not self._stop.wait(0.5) and path.exists():
            parts = list(path.glob("*/part-*"))
            size = sum(part.stat().st_size for part in parts if part.exists())
            if parts:
                self._status.update(
                    f"{self._stage}: {len(parts)} files, {size / 1e6:.1f} MB ..."
                )

    def epoch(self, epoch: Any) -> None:
        """An epoch of training has ended."""
        if self.shown:
            mark = " (best so far)" if epoch.best else ""
            self._status.update(
                f"Training: epoch {epoch.epoch} of at most {epoch.epochs}, loss "
                f"{epoch.loss:.4f}, held out {epoch.validation_loss:.4f}{mark} ..."
            )

    def search(self, state: Any) -> None:
        """How far a search is; a ``zap.jobs.tune.State``."""
        if self.shown:
            self._status.update(f"Tuning: {state.said()} ...")

    def close(self) -> None:
        """Take the line away."""
        self._stop.set()
        self._status.stop()


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """A progress line that is taken away at the end, whatever happens."""
    line = Progress()
    try:
        yield line
    finally:
        line.close()


def print_table(title: str, rows: list[tuple[str, str]]) -> None:
    """A table of two columns on stdout."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(title, style="bold", highlight=False)
    console.print(table)
