"""Reads JSON Lines: one object a line, leaves by dotted paths.

Every value becomes its text. A key may hold a number in one line and a text in the
next; giving both the same form makes a cell's meaning free of its neighbours, and lets
CSV and JSON share all that follows.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from zap.encoding.columns import BoolArray
from zap.errors import MissingExtraError
from zap.events.files import read_text_chunks
from zap.events.mapping import EventMapping
from zap.events.raw import DeadLetter, RawRows, check_columns, clip
from zap.events.records import Block, Dialect, split_records
from zap.events.sources import Source

Leaf: TypeAlias = Callable[[dict[str, Any]], Any]
LeafMaker: TypeAlias = Callable[[str], Leaf]

_BEYOND_64_BITS = 2.0**63
_DIALECT = Dialect(quote=None, lone_cr=False)


class _BadLineError(ValueError):
    """A line that is no object of leaves; holds the reason and the details."""

    def __init__(self, reason: str, expected: str, received: str):
        super().__init__(f"Expected {expected}. Received: {received}.")
        self.reason = reason


def _no_number(error: ValueError) -> str:
    """What to say of a number that many writers write, and JSON does not have."""
    if not isinstance(error, json.JSONDecodeError):
        return ""
    there = error.doc[max(error.pos - 1, 0) : error.pos + len("Infinity")]
    found = next((name for name in ("NaN", "Infinity") if name in there), "")
    return found and f"{found}, which JSON does not have; write null"


def read_jsonl(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the rows of a JSON Lines file.

    Args:
        source: the file.
        mapping: tells which columns no event can be without.
        columns: the leaves to give, as keys or dotted paths.
        batch_rows: most rows in a batch.

    Yields:
        Rows with their cells as texts, null where a line does not have the leaf.

    Raises:
        InputError: the file cannot be read.
        MappingError: no line of the first block has a required leaf.
        MissingExtraError: orjson is not installed.
    """
    needed = [mapping.fields[name].column for name in ("timestamp", "type")]
    required = [name for name in needed if name is not None]
    yield from read_objects(source, columns, required, batch_rows)


def read_objects(
    source: Source,
    columns: Sequence[str],
    required: Sequence[str],
    batch_rows: int,
    leaf: LeafMaker | None = None,
) -> Iterator[RawRows]:
    """Read the rows of a file with one object a line, whatever its keys mean.

    Args:
        source: the file.
        columns: the leaves to give.
        required: those that some line of the first block must have.
        batch_rows: most rows in a batch.
        leaf: makes of a column's name the function that finds its value in an object;
            None for keys and dotted paths.

    Yields, raises:
        As ``read_jsonl``.
    """
    reader = _Reader(source.path, columns, leaf or leaf_of)
    row, checked = 0, False
    for block in split_records(read_text_chunks(source.path), _DIALECT):
        for start in range(0, len(block), batch_rows):
            part = block.select(slice(start, start + batch_rows))
            rows = reader.rows(part, row)
            if not checked and len(rows.rows):
                # In the whole block, so that the size of a batch does not matter.
                reader.check_required(required, block, rows)
                checked = True
            yield rows
            row += len(part)


class _Reader:
    """Reads blocks of one file."""

    def __init__(self, path: str, columns: Sequence[str], leaf: LeafMaker):
        try:
            import orjson
        except ImportError as error:
            raise MissingExtraError("orjson", "beam") from error
        self._loads: Callable[[bytes], Any] = orjson.loads
        self._path = path
        self._columns = columns
        self._leaves = [leaf(name) for name in columns]

    def rows(self, block: Block, first_row: int) -> RawRows:
        """Parse a block.

        Args:
            block: its lines.
            first_row: the row number of the first of them.
        """
        letters: list[DeadLetter] = []
        keep: BoolArray = np.ones(len(block), bool)
        cells: list[list[str | None]] = []
        for place in range(len(block)):
            try:
                cells.append(self._cells(block, place))
            except _BadLineError as error:
                keep[place] = False
                letters.append(self._letter(block, place, error))
        table = zip(*cells, strict=True) if cells else ([] for _ in self._columns)
        places = np.flatnonzero(keep)
        return RawRows(
            columns={
                name: pa.array(list(column), pa.string())
                for name, column in zip(self._columns, table, strict=True)
            },
            rows=first_row + places,
            lines=block.line[keep],
            text=lambda place: clip(block.text(int(places[place]))),
            bad=letters,
        )

    def check_required(
        self, required: Sequence[str], block: Block, rows: RawRows
    ) -> None:
        """Refuse a mapping whose required leaves are in no line of a block."""
        absent = [
            name
            for name in required
            if rows.columns[name].null_count == len(rows.columns[name])
        ]
        if absent:
            keys: dict[str, None] = {}
            for place in range(len(block)):
                with contextlib.suppress(_BadLineError):
                    keys.update(dict.fromkeys(_paths(self._object(block, place))))
            check_columns(
                [name for name in absent if name not in keys], [*keys], self._path
            )

    def _object(self, block: Block, place: int) -> dict[str, Any]:
        """The object of a line."""
        if block.fault[place]:
            raise _BadLineError("too_large", "a line of at most 16 MiB", "a longer one")
        text = block.text(place)
        try:
            data = self._loads(text)
        except ValueError as error:
            said = _no_number(error) or str(error)
            raise _BadLineError("json.invalid", "a JSON object", said) from error
        if not isinstance(data, dict):
            kind = type(data).__name__
            raise _BadLineError("json.not_object", "a JSON object", kind)
        return data

    def _cells(self, block: Block, place: int) -> list[str | None]:
        """The wanted leaves of a line, as texts."""
        data = self._object(block, place)
        try:
            return [
                value
                if value is None or value.__class__ is str
                else text_of(self._exact(value, leaf, block, place))
                for leaf in self._leaves
                for value in (leaf(data),)
            ]
        except TypeError as error:
            words = "a text, a number or a truth value at each mapped key"
            raise _BadLineError("json.not_scalar", words, str(error)) from error

    def _exact(self, value: Any, leaf: Leaf, block: Block, place: int) -> Any:
        """The leaf with all digits: a whole number beyond 64 bits comes as a float."""
        if value.__class__ is not float or abs(value) < _BEYOND_64_BITS:
            return value
        try:
            return leaf(json.loads(block.text(place), parse_int=str))
        except RecursionError:  # json goes less deep than orjson
            return value

    def _letter(self, block: Block, place: int, error: _BadLineError) -> DeadLetter:
        line, text = int(block.line[place]), clip(block.text(place))
        return DeadLetter(self._path, line, error.reason, str(error), text)


def leaf_of(path: str) -> Leaf:
    """A function that finds a leaf: the key as it is, or along its dots."""
    parts = path.split(".")
    if len(parts) == 1:
        return lambda data: data.get(path)

    first, *inner, last = parts

    def find(data: dict[str, Any]) -> Any:
        if path in data:
            return data[path]
        value: Any = data.get(first)
        for part in inner:
            value = value.get(part) if value.__class__ is dict else None
        return value.get(last) if value.__class__ is dict else None

    return find


def text_of(value: Any) -> str | None:
    """The text of a leaf; whole floats without a fraction, NaN never comes."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 2.0**53
        return str(int(value)) if whole else repr(value)
    raise TypeError(type(value).__name__)


def _paths(data: dict[str, Any]) -> Iterator[str]:
    """All leaves of an object as dotted paths, however deep they lie."""
    left = [("", data)]
    while left:
        prefix, inner = left.pop()
        for key, value in inner.items():
            if isinstance(value, dict):
                left.append((f"{prefix}{key}.", value))
            else:
                yield prefix + key
