"""A site's spool and its sinks, and the process that delivers to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from made_collected import (
    MAPPING,
    SECOND_US,
    Event,
    all_pasts,
    archived,
    fed_by_hand,
    first_of_each,
    made_registry,
)
from made_sinks import PATIENCE_S
from made_stores import Clock, in_memory

from zap.collect.spool import Positions, Spool
from zap.serving.stores import open_store

ROOT = Path(__file__).resolve().parents[2]
SINKS = ("archive", "bad", "store")


class Site:
    """Folders, settings and models.

    Args:
        folder: where all of it lies.
        **settings: that go before those made here.
    """

    def __init__(self, folder: Path, **settings: Any):
        self.folder = folder
        self.needs = made_registry(folder / "models")
        self.mapping = folder / "archive.toml"
        self.mapping.write_text(MAPPING)
        said = {name: str(folder / name) for name in ("spool", "archive", "bad")}
        said |= {
            "store": f"sqlite:{folder / 'events.db'}",
            "mapping": str(self.mapping),
            "registry": str(folder / "models"),
        }
        said |= settings
        self.spool, self.archive = Path(said["spool"]), Path(said["archive"])
        self.bad, self.store = Path(said["bad"]), str(said["store"])
        self.config = folder / "collect.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in said.items()]
        lines += ["[sources.site]", 'protocols = ["segment"]', 'keys = ["a-key"]']
        self.config.write_text("\n".join([*lines, ""]))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What deliveries have said."""
        return (self.folder / "deliver.log").read_text()

    def start(self, *more: str) -> None:
        """Start ``zap collect deliver``."""
        command = [sys.executable, "-m", "zap.cli.main", "collect", "deliver"]
        command += ["--config", str(self.config), *more]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with open(self.folder / "deliver.log", "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """Have it end in order; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def least(self) -> int:
        """How far the slowest sink is."""
        positions = Positions(self.spool)
        return min(positions.get(name) for name in SINKS)

    def spooled(self, records: Sequence[bytes], piece: int = 100) -> None:
        """Spool records, in pieces."""
        with Spool(self.spool) as spool:
            for begin in range(0, len(records), piece):
                spool.append(records[begin : begin + piece])

    def check(self, numbered: Sequence[tuple[int, Event]], bad: Sequence[int]) -> None:
        """All sinks must hold what a plain loop says, and nothing more.

        Args:
            numbered: the events by their numbers in the spool.
            bad: the numbers that stand in bad rows.
        """
        events = [event for _, event in numbered]
        numbers = [number for number, _ in numbered]
        places = first_of_each(events)
        expected = [(*name, numbers[place]) for name, place in places.items()]
        assert archived(self.archive) == sorted(expected, key=lambda row: row[2])
        assert self.bad_numbers() == list(bad)
        assert self.pasts() == self.pasts_by_hand(numbered)

    def bad_numbers(self) -> list[int]:
        """The numbers in the payloads of bad rows, sorted."""
        return sorted(
            json.loads(line)["payload"]["number"]
            for path in self.bad.rglob("*.jsonl")
            for line in path.read_text().splitlines()
        )

    def pasts(self, at_us: int = 0) -> dict[str, list[list[Event]]]:
        """What the store knows of every subject, at that time or long after."""
        store = open_store(self.store, 5_000, keep_days=36_500)
        try:
            return all_pasts(store, self.needs, at_us or LATER_US)
        finally:
            store.close()

    def pasts_by_hand(
        self, numbered: Sequence[tuple[int, Event]]
    ) -> dict[str, list[list[Event]]]:
        """What a store knows that is fed by hand."""
        store = in_memory(Clock(LATER_US), *self.needs.values(), keep_us=1 << 60)
        fed_by_hand(store, numbered)
        return all_pasts(store, self.needs, LATER_US)


LATER_US = 1_775_000_000 * SECOND_US  # 2026-03-31
