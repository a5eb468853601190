"""Reads CSV: records by our own splitter, cells by Arrow's parser."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from zap.encoding.columns import BoolArray, IntArray
from zap.errors import InputError
from zap.events.files import read_text_chunks, reading
from zap.events.mapping import EventMapping
from zap.events.raw import DeadLetter, RawRows, check_columns, check_once, clip
from zap.events.records import FAULTS, Block, Dialect, split_records
from zap.events.sources import Source
from zap.events.specs import CsvOptions

_MARK = b"\xef\xbb\xbf"
_AS_ASCII = bytes(range(128)) + b"\x7f" * 128


def read_csv(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the rows of a CSV file.

    Args:
        source: the file.
        mapping: says the dialect.
        columns: the columns to give.
        batch_rows: most rows in a batch.

    Yields:
        Rows with their cells as binary.

    Raises:
        InputError: the file cannot be read, or has no header.
        MappingError: a column is missing or there twice.
    """
    yield from read_records(source, mapping.csv, columns, batch_rows)


def read_records(
    source: Source, options: CsvOptions, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the rows of a file of delimited cells, in whatever dialect.

    Args:
        source: the file.
        options: the dialect.
        columns: the columns to give.
        batch_rows: most rows in a batch.

    Yields, raises:
        As ``read_csv``.
    """
    quote = options.quote.encode() or None
    dialect = Dialect(options.delimiter.encode(), quote)
    blocks = split_records(read_text_chunks(source.path), dialect)
    parser = _Parser(source.path, options, columns)
    row = 0
    for block in blocks:
        if not parser.ready:
            parser.set_header(block.text(0))
            block = block.select(slice(1, None))
        for start in range(0, len(block), batch_rows):
            part = block.select(slice(start, start + batch_rows))
            yield parser.rows(part, row)
            row += len(part)
    if not parser.ready:
        raise InputError(
            "Expected a CSV file with a header. Received: "
            f"path={source.path!r}, which has no line. Remove the file, or name the "
            "columns in the mapping with csv.header = false and csv.columns."
        )


def header_names(record: bytes, options: CsvOptions, path: str) -> list[str]:
    """The names of the columns from a file's first record.

    Raises:
        InputError: it is no record.
    """
    reader = csv.reader(
        io.StringIO(record.decode("utf-8", "replace"), newline=""),
        delimiter=options.delimiter,
        quotechar=options.quote or None,
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
    )
    try:
        names = next(reader)
    except csv.Error as error:
        raise InputError(
            "Expected a header that names the columns. Received: "
            f"path={path!r}, line 1 ({error}). If the file has no header, "
            "name the columns in the mapping with csv.header = false and "
            "csv.columns."
        ) from error
    return [name.strip() for name in names]


class _Parser:
    """Parses blocks of one file, whose columns are the same throughout."""

    def __init__(self, path: str, options: CsvOptions, columns: Sequence[str]):
        self._path = path
        self._options = options
        self._wanted = columns
        self._names: list[str] = []
        if not options.header:
            self._set_names(list(options.columns))

    @property
    def ready(self) -> bool:
        """True once the names of the columns are known."""
        return bool(self._names)

    def set_header(self, record: bytes) -> None:
        """Take the names of the columns from the first record."""
        self._set_names(header_names(record, self._options, self._path))

    def _set_names(self, names: list[str]) -> None:
        check_columns(self._wanted, names, self._path)
        check_once(self._wanted, names, self._path)
        self._names = names

    def rows(self, block: Block, first_row: int) -> RawRows:
        """Parse a block.

        Args:
            block: its records.
            first_row: the row number of the first of them.
        """
        numbers = first_row + np.arange(len(block), dtype=np.int64)
        whole = block.fault == 0
        sound = block if whole.all() else block.select(whole)
        table, fits, letters = self._parse(sound)
        letters += [self._faulty(block, int(i)) for i in np.flatnonzero(~whole)]
        keep = whole.copy()
        keep[whole] = fits
        places = np.flatnonzero(keep)
        return RawRows(
            columns=self._columns(table),
            rows=numbers[keep],
            lines=block.line[keep],
            text=lambda place: clip(block.text(int(places[place]))),
            bad=letters,
        )

    def _parse(self, block: Block) -> tuple[pa.Table, BoolArray, list[DeadLetter]]:
        """The cells of the records that have as many as there are columns."""
        fits = np.ones(len(block), bool)
        letters: list[DeadLetter] = []

        def refuse(row: arrow_csv.InvalidRow) -> str:
            place = row.number - 1
            fits[place] = False
            letters.append(self._misfit(block, place, row.actual_columns))
            return "skip"

        wanted = [str(self._names.index(name)) for name in self._wanted]
        data = _contiguous(block)
        if _is_utf8(data):
            table = self._table(data, wanted, refuse)
        else:
            # Arrow cannot show a misfit that is not UTF-8: the misfits are found in a
            # copy without such bytes, and the others are parsed as they came.
            self._table(bytes(data).translate(_AS_ASCII), wanted[:1], refuse)
            table = self._table(_contiguous(block.select(fits)), wanted)
        assert table.num_rows == fits.sum(), (table.num_rows, fits.sum())
        return table, fits, letters

    def _table(
        self,
        data: pa.Buffer | bytes,
        wanted: Sequence[str],
        refuse: Callable[[arrow_csv.InvalidRow], str] | None = None,
    ) -> pa.Table:
        """Records as binary columns that are named by their places."""
        if not len(data):
            return pa.table({place: pa.array([], pa.binary()) for place in wanted})
        if data[:3] == _MARK:
            # Arrow takes one away from whatever it is given; here it is a cell's own.
            data = _MARK + bytes(data)
        positions = [str(place) for place in range(len(self._names))]
        with reading(self._path):
            return arrow_csv.read_csv(
                pa.BufferReader(data),
                arrow_csv.ReadOptions(
                    use_threads=False,
                    column_names=positions,
                    block_size=len(data) + 1,
                ),
                arrow_csv.ParseOptions(
                    delimiter=self._options.delimiter,
                    quote_char=self._options.quote or False,
                    newlines_in_values=True,
                    invalid_row_handler=refuse,
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(positions, pa.binary()),
                    include_columns=wanted,
                ),
            )

    def _columns(self, table: pa.Table) -> dict[str, pa.Array]:
        """The wanted columns by name, null where a cell is declared to be missing."""
        columns: dict[str, pa.Array] = {}
        missing = pa.array([text.encode() for text in self._options.missing])
        for name, column in zip(self._wanted, table.columns, strict=True):
            cells = column.combine_chunks()
            if isinstance(cells, pa.ChunkedArray):
                cells = pa.concat_arrays(cells.chunks)
            if len(missing):
                none = pa.scalar(None, pa.binary())
                cells = pc.if_else(pc.is_in(cells, missing), none, cells)
            columns[name] = cells
        return columns

    def _misfit(self, block: Block, place: int, cells: int) -> DeadLetter:
        detail = f"Expected {len(self._names)} cells. Received: cells={cells}."
        line = int(block.line[place])
        text = clip(block.text(place))
        return DeadLetter(self._path, line, "csv.columns", detail, text)

    def _faulty(self, block: Block, place: int) -> DeadLetter:
        reason = FAULTS[block.fault[place]]
        detail = f"Expected a record whose quotes are closed. Received: {reason}."
        if reason == "too_large":
            detail = "Expected a line of at most 16 MiB. Received: a longer one."
        line = int(block.line[place])
        return DeadLetter(self._path, line, reason, detail, clip(block.text(place)))


def _contiguous(block: Block) -> pa.Buffer:
    """The bytes of a block's records alone, copied only if others lie between them."""
    if not len(block):
        return pa.py_buffer(b"")
    gaps: IntArray = block.start[1:] - block.stop[:-1]
    if not (gaps > 2).any():
        first, last = int(block.start[0]), int(block.stop[-1])
        return pa.py_buffer(block.data).slice(first, last - first)
    return pa.py_buffer(b"\n".join(block.text(i) for i in range(len(block))))


def _is_utf8(data: pa.Buffer) -> bool:
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
