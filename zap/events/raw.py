"""What a format's reader hands over: columns of raw cells with their rows' places.

Formats differ in how rows are found, not in what becomes of them. A reader yields
``RawRows``; everything behind it is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from zap.encoding.columns import BoolArray, IntArray
from zap.errors import MappingError
from zap.events.tables import near, shown

MAX_RAW_CHARS = 10_000
_SEPARATORS = (";", "\t", "|")
_SHOWN_COLUMNS = 20


@dataclass(frozen=True)
class DeadLetter:
    """A row that could not become an event.

    Attributes:
        source: path of its file.
        line: its first line in the file, from 1; for Parquet its row, from 1.
        reason: a short name to count by ("timestamp.unparsable").
        detail: what was expected and what was received.
        raw: its text, at most 10,000 characters.
    """

    source: str
    line: int
    reason: str
    detail: str
    raw: str


@dataclass(frozen=True)
class RawRows:
    """Some rows of a file as their format gives them.

    Attributes:
        columns: the columns that the mapping names; all of the same length.
        rows: int64, shape (rows,): numbers of the rows in the file, from 0.
        lines: int64, shape (rows,): their first lines, from 1.
        text: raw text of the row at a place in this batch.
        bad: rows that the format itself refuses; they are not in the columns.
    """

    columns: Mapping[str, pa.Array]
    rows: IntArray
    lines: IntArray
    text: Callable[[int], str]
    bad: Sequence[DeadLetter] = ()


def refuse_rows(
    rows: RawRows, mask: BoolArray, letters: Sequence[DeadLetter]
) -> RawRows:
    """Rows without those that have turned out to be bad.

    Args:
        rows: the rows.
        mask: bool, shape (rows,): the bad ones.
        letters: what to say of them, one each.
    """
    assert len(letters) == mask.sum(), (len(letters), mask.sum())
    if not mask.any():
        return rows
    keep = pa.array(~mask)
    places = np.flatnonzero(~mask)
    return replace(
        rows,
        columns={name: column.filter(keep) for name, column in rows.columns.items()},
        rows=rows.rows[places],
        lines=rows.lines[places],
        text=lambda place: rows.text(int(places[place])),
        bad=[*rows.bad, *letters],
    )


def clip(raw: bytes | str) -> str:
    """Raw text for a dead letter: bounded, and decoded whatever it holds."""
    if isinstance(raw, str):
        return raw[:MAX_RAW_CHARS]
    return raw[: 4 * MAX_RAW_CHARS].decode("utf-8", "replace")[:MAX_RAW_CHARS]


def plain_value(cell: pa.Scalar) -> Any:
    """A cell for people, also where it is no text and no date that Python knows."""
    try:
        return cell.as_py()
    except (OverflowError, ValueError, pa.ArrowException):
        if isinstance(cell, (pa.StringScalar, pa.LargeStringScalar)):
            return clip(cell.as_buffer().to_pybytes())
        # A time beyond Python's is shown as its number, what is nested by its type.
        return getattr(cell, "value", str(cell.type))


def check_columns(wanted: Iterable[str], existing: Sequence[str], path: str) -> None:
    """Refuse a mapping that names columns which a file does not have.

    Raises:
        MappingError: names the columns that are missing and those that exist.
    """
    missing = [name for name in wanted if name not in existing]
    if not missing:
        return
    names = [shown(name, 60) for name in existing[:_SHOWN_COLUMNS]]
    listed = ", ".join(names) + (", ..." if existing[_SHOWN_COLUMNS:] else "")
    like = near(missing[0], [name for name in existing[:1_000] if len(name) < 200])
    raise MappingError(
        "Expected every column that the mapping names to be in the file. Received: "
        f"column={shown(missing[0])}{like}, path={path!r}. "
        f"The file has: {listed}. {_separated(existing)}Change the name in the mapping."
    )


def _separated(existing: Sequence[str]) -> str:
    """A hint where the one column of a file is the whole line."""
    if len(existing) != 1:
        return ""
    often = max(_SEPARATORS, key=existing[0].count)
    if not existing[0].count(often):
        return ""
    return f"Where {often!r} separates columns, say so: [csv] delimiter. "


def check_once(wanted: Iterable[str], existing: Sequence[str], path: str) -> None:
    """Refuse a file that has a column of the mapping twice.

    Raises:
        MappingError: names the column.
    """
    twice = [name for name in wanted if existing.count(name) > 1]
    if twice:
        raise MappingError(
            "Expected a column that is named once in the file. Received: "
            f"column={shown(twice[0])}, path={path!r}. Rename one of the two; of CSV "
            "all columns can be named in the mapping with csv.columns."
        )
