"""Reads access logs of web servers, in the combined and in the common format.

A line is found by the splitter that CSV uses, and taken apart by regular expressions
over whole columns of lines; no line is looked at on its own in Python. A line of
another shape is a dead letter with its number. A request that is none (the bytes of a
TLS handshake on a plain port, "-" after a time-out) is an event all the same: it
happened, and only its parts are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.events.cells import mask_of
from zap.events.combined_columns import COLUMNS, derive_columns
from zap.events.files import read_text_chunks
from zap.events.mapping import EventMapping
from zap.events.raw import DeadLetter, RawRows, check_columns, clip
from zap.events.records import Block, Dialect, split_records
from zap.events.sources import Source

_DIALECT = Dialect(quote=None, lone_cr=False)


def _quoted(name: str) -> str:
    """A text in quotes; a quote within it has a backslash before it."""
    return f'"(?P<{name}>(?:[^"\\\\]|\\\\.)*)"'


# The user may have blanks in it; what stands behind the agent is some servers' own.
_LINE = (
    r"^(?P<host>\S+) (?P<ident>\S+) (?P<user>.*?) \[(?P<time>[^\]]*)\] "
    + _quoted("request")
    + r" (?P<status>[0-9]{3}|-) (?P<bytes>[0-9]+|-)"
    + f"(?: {_quoted('referrer')} {_quoted('user_agent')}(?: .*)?)?\\s*$"
)
_TOO_LONG = "Expected a line of at most 16 MiB. Received: a longer one."
_SHAPE = (
    'Expected a line like host ident user [time] "request" status bytes "referrer" '
    '"agent". Received: a line of another shape, or one that was cut off.'
)


def read_combined(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the lines of an access log.

    Args:
        source: the file.
        mapping: not looked at; the format has no dialects.
        columns: the columns to give, of ``COLUMNS``.
        batch_rows: most rows in a batch.

    Yields:
        Rows with their cells as binary, null where the log has none.

    Raises:
        InputError: the file cannot be read.
        MappingError: an access log has no such column.
    """
    check_columns(columns, COLUMNS, source.path)
    row = 0
    for block in split_records(read_text_chunks(source.path), _DIALECT):
        for start in range(0, len(block), batch_rows):
            part = block.select(slice(start, start + batch_rows))
            yield _rows(source.path, part, columns, row)
            row += len(part)


def _rows(path: str, block: Block, columns: Sequence[str], first_row: int) -> RawRows:
    parts = pc.extract_regex(_lines(block), pattern=_LINE)
    whole = block.fault == 0
    keep: BoolArray = mask_of(pc.is_valid(parts)) & whole
    places = np.flatnonzero(keep)
    letters = [
        _letter(path, block, int(place), bool(whole[place]))
        for place in np.flatnonzero(~keep)
    ]
    fields = parts.filter(pa.array(keep))
    raw = {
        fields.type.field(i).name: fields.field(i)
        for i in range(fields.type.num_fields)
    }
    return RawRows(
        columns=derive_columns(raw, columns),
        rows=first_row + places,
        lines=block.line[keep],
        text=lambda place: clip(block.text(int(places[place]))),
        bad=letters,
    )


def _letter(path: str, block: Block, place: int, whole: bool) -> DeadLetter:
    reason, detail = ("log.shape", _SHAPE) if whole else ("too_large", _TOO_LONG)
    return DeadLetter(
        path, int(block.line[place]), reason, detail, clip(block.text(place))
    )


def _lines(block: Block) -> pa.Array:
    """The lines as a binary column, without a loop over them.

    Starts and ends in turn are the offsets of lines and of what lies between; every
    other value is a line.
    """
    edges = np.empty(2 * len(block), np.int32)
    edges[::2], edges[1::2] = block.start, block.stop
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(block.data)]
    pieces = pa.Array.from_buffers(pa.binary(), max(len(edges) - 1, 0), buffers)
    return pieces.take(pa.array(np.arange(0, len(edges), 2)))
