"""Simulated inputs of the benchmark, each made once, and their sizes."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from bench.data_path import job
from bench.data_path.measure import ROOT
from zap.events.mapping import EventMapping
from zap.events.projection import Projector
from zap.events.sources import list_sources


@dataclass(frozen=True)
class Input:
    """A simulation with two mappings.

    Attributes:
        folder: of the simulation.
        plain: the mapping without ``received_at``.
        received: the mapping with it.
    """

    folder: Path
    plain: Path
    received: Path

    @property
    def events(self) -> Path:
        """The folder of Parquet files."""
        return self.folder / "events"

    @cached_property
    def rows(self) -> int:
        """Rows of all files."""
        files = job.files_of(self.events)
        return sum(pq.ParquetFile(file).metadata.num_rows for file in files)

    @cached_property
    def file_bytes(self) -> int:
        """Bytes of all files."""
        return folder_bytes(self.events)

    @cached_property
    def arrow_bytes(self) -> int:
        """Bytes of the columns of the plain mapping as Arrow tables, file by file."""
        mapping = EventMapping.load(str(self.plain))
        total = 0
        for source in list_sources([str(self.events)], mapping):
            columns = Projector(source, mapping).columns()
            total += pq.read_table(source.path, columns=columns).nbytes
        return total


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def prepared(events: int, work: Path) -> Input:
    """The simulation of about so many events; made if it is not there.

    Its mappings declare a day less at both ends, so that some cutoffs are censored.
    """
    folder = work / f"simulated-{events}"
    if not (folder / "simulation.json").exists():
        argv = ["simulate", "--events", str(events), "--output", str(folder)]
        subprocess.run(
            [sys.executable, "-m", "zap.cli.main", *argv],
            check=True,
            cwd=ROOT,
            capture_output=True,
        )
    text = (folder / "mapping.toml").read_text()
    for name, days in (("from", 1), ("until", -1)):
        text = re.sub(
            rf'^{name} = "(.*)"$',
            lambda found, name=name, days=days: (
                f'{name} = "{date.fromisoformat(found[1]) + timedelta(days)}"'
            ),
            text,
            flags=re.MULTILINE,
        )
    mappings = work / f"mappings-{events}"
    mappings.mkdir(exist_ok=True)
    found = Input(folder, mappings / "plain.toml", mappings / "received.toml")
    found.received.write_text(text)
    found.plain.write_text(re.sub(r"^received_at = .*\n", "", text, flags=re.MULTILINE))
    return found
