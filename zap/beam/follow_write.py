"""Rows of scores written as they come: a small file for each step of a shard.

A file is named by the run, the shard and the number of the step, so that a bundle which
is done again puts the same file in its place, and nobody has to agree on anything. How
far a shard has come is written after its rows: a run that begins later goes on there.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.scoring.following.output import progress_path, replace_bytes


class Step(NamedTuple):
    """What a shard gives out at once.

    Attributes:
        shard: which one.
        number: of the step, among those of the shard.
        run: see ``FollowJob``.
        progress: how far it has come, as JSON; empty where time did not go on.
        rows: in Arrow's stream format; empty for none.
    """

    shard: int
    number: int
    run: int
    progress: str
    rows: bytes


class WriteSteps(beam.DoFn):
    """Writes rows, and then how far their shard has come.

    Args:
        output: a folder, local or of a filesystem that fsspec knows.
    """

    def __init__(self, output: str):
        self._output = output

    def process(self, step: Step) -> Iterator[Any]:
        """Write a step. Done again it writes the same."""
        for day, content in _files(step.rows):
            name = f"{step.run:04d}-{step.shard:04d}-{step.number:010d}.parquet"
            replace_bytes(f"{self._output}/day={day}/{name}", content)
        if step.progress:
            path = progress_path(self._output, step.shard)
            replace_bytes(path, step.progress.encode())
        yield from ()


def _files(rows: bytes) -> Iterator[tuple[date, bytes]]:
    """The rows of each day as a Parquet file."""
    if not rows:
        return
    table = pa.ipc.open_stream(pa.py_buffer(rows)).read_all()
    for day in pc.unique(table.column("day")).to_pylist():
        content = io.BytesIO()
        own = table.filter(pc.equal(table.column("day"), pa.scalar(day)))
        # The folder names the day; twice, readers of folders would refuse it.
        pq.write_table(own.drop_columns("day"), content, compression="zstd")
        yield day, content.getvalue()
