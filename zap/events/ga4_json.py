"""Reads GA4's BigQuery export as JSON Lines.

BigQuery writes whole numbers as texts, and leaves out what is null; both give the same
cells as its Parquet does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from zap.events.ga4_columns import (
    COUNT,
    DERIVED,
    ITEMS,
    VALUES,
    Nested,
    base_columns,
    derive,
    nested_column,
)
from zap.events.json_rows import Leaf, leaf_of, read_objects
from zap.events.mapping import EventMapping
from zap.events.raw import RawRows
from zap.events.sources import Source


def read_ga4_json(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the events of a file.

    Args:
        source: the file.
        mapping: tells which columns no event can be without.
        columns: the columns to give, see ``zap.events.ga4_columns``.
        batch_rows: most rows in a batch.

    Yields, raises:
        As ``read_jsonl``.
    """
    needed = [mapping.fields[name].column for name in ("timestamp", "type")]
    required = [n for n in needed if n is not None and n not in DERIVED]
    leaves = _Leaves()
    for rows in read_objects(
        source, base_columns(columns), required, batch_rows, leaves.leaf
    ):
        yield replace(rows, columns=derive(columns, rows.columns))


class _Leaves:
    """Finds values in events; the keys of the last one are kept for the next column."""

    def __init__(self) -> None:
        self._event: dict[str, Any] | None = None
        self._values: dict[str, dict[str, Any]] = {}

    def leaf(self, name: str) -> Leaf:
        """A function that finds a column's value in an event."""
        nested = nested_column(name)
        if nested is None:
            return leaf_of(name)
        if nested.column == ITEMS:
            return lambda event: _of_items(event.get(ITEMS), nested)
        return lambda event: self._keyed(event, nested.column).get(nested.key)

    def _keyed(self, event: dict[str, Any], column: str) -> dict[str, Any]:
        """The values of a list of keys and values by key; of a repeated key the first.

        Raises:
            TypeError: it is no such list.
        """
        if event is not self._event:
            self._event, self._values = event, {}
        if column not in self._values:
            found: dict[str, Any] = {}
            for pair in _records(event.get(column), column):
                found.setdefault(pair.get("key"), _value(pair.get("value")))  # type: ignore[arg-type]
            self._values[column] = found
        return self._values[column]


def _records(value: Any, column: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TypeError(f"{column} that is no list of records")
    return value


def _value(value: Any) -> Any:
    """Whichever value is set; floats that JSON has no form for come as texts."""
    for kind in VALUES if isinstance(value, dict) else ():
        found = value.get(kind)
        if found is None:
            continue
        if kind not in ("float_value", "double_value"):
            return found
        number = _float(found)
        if number == number:
            return number
    return None


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{value!r:.50} for a number") from error


def _of_items(value: Any, nested: Nested) -> Any:
    items = _records(value, ITEMS)
    if nested.key == COUNT:
        return len(items)
    return leaf_of(nested.key)(items[0]) if items else None
