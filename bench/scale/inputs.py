"""Simulated events in several files, cut and ordered in more than one way."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zap.events.mapping import EventMapping
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate

_CUSTOMERS = """
[[dimensions]]
name = "customers"
input = "customers.csv"
format = "csv"
valid_from = "since"

[dimensions.fields]
user_id = "customer"

[dimensions.properties]
plan = "plan"
"""


class Shop:
    """A simulated shop's events.

    Args:
        folder: where it is made, if it is not there yet.
        events: about how many.
        files: how many files they are dealt out to.
    """

    def __init__(self, folder: Path, events: int, files: int = 6):
        self._folder = folder.resolve() / f"shop-{events}-{files}"
        if not (self._folder / "estimated.toml").exists():
            shutil.rmtree(self._folder, ignore_errors=True)
            self._make(events, files)

    @property
    def files(self) -> list[str]:
        """The files of events, by name."""
        return [str(path) for path in sorted((self._folder / "raw").iterdir())]

    def mapping(self, name: str) -> EventMapping:
        """A mapping: ``mapping.toml``, ``persons.toml`` or ``estimated.toml``."""
        return EventMapping.load(self._folder / name)

    def mapping_path(self, name: str) -> str:
        """The file of a mapping."""
        return str(self._folder / name)

    def _make(self, events: int, files: int) -> None:
        simulate(Settings(events=events), self._folder)
        made = sorted((self._folder / "events").glob("*.parquet"))
        rows = pa.concat_tables(
            [pq.read_table(path).unify_dictionaries() for path in made]
        )
        rows = pa.table({name: _plain(rows[name]) for name in rows.column_names})
        raw = self._folder / "raw"
        raw.mkdir()
        for number in range(files):
            some = rows.take(pa.array(range(number, len(rows), files)))
            pq.write_table(some, raw / f"events-{number}.parquet", row_group_size=9_000)
        shutil.rmtree(self._folder / "events")
        text = (self._folder / "mapping.toml").read_text()
        (self._folder / "persons.toml").write_text(text + _CUSTOMERS)
        self._write_customers(rows["user_id"])
        text = re.sub(r"\[observed\]\n(.+\n)*", "", text)
        (self._folder / "estimated.toml").write_text(text)

    def _write_customers(self, users: pa.ChunkedArray) -> None:
        """Every customer's plans, from days on that a seeded draw gives."""
        random = np.random.default_rng(0)
        names = sorted(set(users.drop_null().to_pylist()))
        days = random.integers(6, 31, (len(names), 2))
        lines = ["customer,since,plan\n"]
        for name, (first, second) in zip(names, days.tolist(), strict=True):
            lines.append(f"{name},2025-01-{first:02}T00:00:00Z,free\n")
            if second > first:
                lines.append(f"{name},2025-01-{second:02}T00:00:00Z,paid\n")
        (self._folder / "customers.csv").write_text("".join(lines))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without a dictionary, so that any rows of it are a file of their own."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column
