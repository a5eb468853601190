"""Reads Snowplow's enriched events as TSV.

Lines and cells are found as those of CSV are, by their places. Beside the columns there
are three that every reading needs, and those that reach into the JSON of events and
contexts. ``name`` and ``time`` end in types and cutoffs, so a change of their rules
changes the examples of every dataset made of such files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.events.csv_rows import read_records
from zap.events.mapping import EventMapping
from zap.events.raw import DeadLetter, RawRows, check_columns, clip, refuse_rows
from zap.events.segment_rows import present
from zap.events.snowplow_columns import COLUMNS, TIMES
from zap.events.snowplow_json import JsonColumn, JsonReader, json_column
from zap.events.sources import Source
from zap.events.specs import CsvOptions

Cells = Mapping[str, pa.Array]

_TSV = CsvOptions(delimiter="\t", quote="", header=False, columns=COLUMNS)
_ZONELESS = rb"^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?)$"


def read_snowplow(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the events of a file.

    Args:
        source: the file.
        mapping: not looked at; the format has no dialects.
        columns: the columns to give: those of the TSV, of ``DERIVED``, or leaves of its
            JSON (see ``json_column``).
        batch_rows: most rows in a batch.

    Yields:
        Rows with their cells as binary or texts, null where an event has none.

    Raises:
        InputError: the file cannot be read.
        MappingError: enriched events have no such column.
        MissingExtraError: orjson is not installed.
    """
    inner = {name: json_column(name) for name in columns}
    leaves = {name: leaf for name, leaf in inner.items() if leaf is not None}
    plain = [name for name in columns if name not in leaves]
    check_columns(plain, [*DERIVED, *COLUMNS], source.path)
    bases = [base for name in plain for base in DERIVED.get(name, ((name,),))[0]]
    bases += [leaf.cell for leaf in leaves.values()]
    reader = JsonReader(leaves) if leaves else None
    for rows in read_records(source, _TSV, list(dict.fromkeys(bases)), batch_rows):
        yield _rows(source.path, rows, plain, leaves, reader)


def _rows(
    path: str,
    rows: RawRows,
    plain: Sequence[str],
    leaves: Mapping[str, JsonColumn],
    reader: JsonReader | None,
) -> RawRows:
    cells = {
        name: _zoned(present(column)) if name in TIMES else present(column)
        for name, column in rows.columns.items()
    }
    columns = {
        name: DERIVED[name][1](cells) if name in DERIVED else cells[name]
        for name in plain
    }
    bad = [_renamed(letter) for letter in rows.bad]
    if reader is None:
        return replace(rows, columns=columns, bad=bad)
    found, problems = reader.read(cells)
    rows = replace(rows, columns=columns | found, bad=bad)
    mask = np.zeros(len(rows.rows), bool)
    mask[[*problems]] = True
    letters = [
        DeadLetter(path, int(rows.lines[at]), reason, detail, clip(rows.text(at)))
        for at, (reason, detail) in sorted(problems.items())
    ]
    return refuse_rows(rows, mask, letters)


def _renamed(letter: DeadLetter) -> DeadLetter:
    """The letter of a line with too few or too many cells."""
    return replace(letter, reason=letter.reason.replace("csv.", "snowplow."))


def _zoned(cells: pa.Array) -> pa.Array:
    """Times of the pipeline, which are in UTC and do not say so."""
    return pc.replace_substring_regex(cells, _ZONELESS, rb"\1Z")


def names(cells: Cells) -> pa.Array:
    """What each event was: its schema's name, or the action of a structured one.

    All structured events are called "event"; what they mean stands in their action.
    """
    kinds = cells["event"]
    named = pc.coalesce(cells["event_name"], kinds)
    action = pc.coalesce(cells["se_action"], kinds)
    structured = pc.fill_null(pc.equal(kinds, pa.scalar(b"struct", pa.binary())), False)
    return pc.if_else(structured, action, named)


def _times(cells: Cells) -> pa.Array:
    """When it happened, by the corrected clock, or else when it was received."""
    return pc.coalesce(cells["derived_tstamp"], cells["collector_tstamp"])


DERIVED: dict[str, tuple[tuple[str, ...], Callable[[Cells], pa.Array]]] = {
    "name": (("event", "event_name", "se_action"), names),
    "time": (("derived_tstamp", "collector_tstamp"), _times),
    "received": (("collector_tstamp",), lambda cells: cells["collector_tstamp"]),
}
"""Column to those of the TSV that it is made of, and how."""
