"""Writes what happened between the states of a table as a file of events.

Two states are held at a time, so memory is that of two states' compared columns,
however many there are (of all rows at once where a column tells states apart). The file
is read by a mapping with ``format = "snapshots"``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from zap.errors import InputError
from zap.events.snapshot_states import SnapshotOptions, State, states
from zap.events.snapshots import DELETED, changes, columns_of, event_schema, state_of
from zap.times import iso

ROW_GROUP_ROWS = 131_072


@dataclass(frozen=True)
class SnapshotEvents:
    """What was written.

    Attributes:
        states: times of the states, in order, and their rows.
        counts: events by type.
    """

    states: tuple[tuple[int, int], ...]
    counts: Counter[str]


def write_snapshot_events(
    inputs: Sequence[str], output: str | Path, options: SnapshotOptions
) -> SnapshotEvents:
    """Make the events of a table's states.

    Args:
        inputs: files, globs or directories of states.
        output: the Parquet file to be made; it must not exist.
        options: how states are read and told apart.

    Raises:
        InputError: the output exists; a state cannot be read whole, or lost more rows
            than ``max_deleted_share``.
        MappingError: a column is missing, or is nested.
    """
    path = Path(output)
    if path.exists():
        raise InputError(
            f"Expected a file that does not exist. Received: output={str(path)!r}. "
            "Choose another name, or remove it."
        )
    partial = path.with_name(f".{path.name}.partial")
    try:
        written = _write(inputs, partial, options)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return written


def _write(
    inputs: Sequence[str], path: Path, options: SnapshotOptions
) -> SnapshotEvents:
    old: pa.RecordBatch | None = None
    seen: list[tuple[int, int]] = []
    counts: Counter[str] = Counter()
    writer = None
    try:
        for state in states(inputs, options):
            new = state_of(state.rows, options.key, state.where)
            if writer is None:
                schema = event_schema(columns_of(new))
                writer = pq.ParquetWriter(path, schema, compression="zstd")
            found = changes(old, new, state.at_us, options.name)
            _check_deleted(found, old, state, options)
            for batch in found:
                counts[batch.column("type")[0].as_py()] += batch.num_rows
            if found:
                table = pa.Table.from_batches(found)
                writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            seen.append((state.at_us, new.num_rows))
            old = new
    finally:
        if writer is not None:
            writer.close()
    if not seen:
        raise InputError(
            "Expected at least one state with a row. Received: "
            f"inputs={list(inputs)!r}, which have none. Check the files."
        )
    return SnapshotEvents(tuple(seen), counts)


def _check_deleted(
    found: Sequence[pa.RecordBatch],
    old: pa.RecordBatch | None,
    state: State,
    options: SnapshotOptions,
) -> None:
    """Refuse a state that is rather cut off than shrunk."""
    kind = f"{options.name}.{DELETED}"
    gone = sum(b.num_rows for b in found if b.column("type")[0].as_py() == kind)
    if old is None or gone <= options.max_deleted_share * old.num_rows:
        return
    raise InputError(
        f"Expected at most {options.max_deleted_share:.0%} of a state's rows to be "
        f"gone in the next one. Received: {gone} of {old.num_rows} rows gone at "
        f"{iso(state.at_us)}, in {state.where}. Check that the state is whole; if so, "
        "say --max-deleted-share 1."
    )
