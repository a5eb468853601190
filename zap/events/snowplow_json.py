"""Reaches into the JSON that cells of Snowplow's enriched events hold.

An event of one's own, and each context beside it, is self-describing: a schema, and
data that fit it. A column names a leaf in them by one rule:

- ``unstruct.PATH`` lies in the data of the event's own JSON, whatever its schema (the
  event's type tells it);
- ``contexts.VENDOR/NAME.PATH`` lies in the first context of that schema, whatever its
  version; ``derived_contexts.VENDOR/NAME.PATH`` in those that the pipeline has added.

Only cells that a mapping's columns need are parsed, each once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from zap.errors import MissingExtraError
from zap.events.json_rows import Leaf, leaf_of, text_of

_UNSTRUCT = re.compile(r"unstruct\.(?P<path>.+)")
_CONTEXT = re.compile(
    r"(?P<cell>contexts|derived_contexts)\."
    r"(?P<schema>[A-Za-z0-9_.-]+/[A-Za-z0-9_-]+)\.(?P<path>.+)"
)
_SCHEMA = re.compile(r"iglu:([A-Za-z0-9_.-]+/[A-Za-z0-9_-]+)/")

Cells = Mapping[str, pa.Array]
Problems = dict[int, tuple[str, str]]


@dataclass(frozen=True)
class JsonColumn:
    """A column that lies within a cell's JSON.

    Attributes:
        cell: the column of the TSV.
        schema: "vendor/name" of the context; None in the event's own JSON.
        leaf: finds the value in the data of the one or the other.
    """

    cell: str
    schema: str | None
    leaf: Leaf


def json_column(name: str) -> JsonColumn | None:
    """What a column's name means, or None if it names no leaf of JSON."""
    if found := _UNSTRUCT.fullmatch(name):
        return JsonColumn("unstruct_event", None, leaf_of(found["path"]))
    if found := _CONTEXT.fullmatch(name):
        return JsonColumn(found["cell"], found["schema"], leaf_of(found["path"]))
    return None


class _BadCellError(ValueError):
    """A cell that cannot be used; its arguments are the reason and the details."""


class JsonReader:
    """Reads the JSON columns of batches.

    Args:
        columns: by name.

    Raises:
        MissingExtraError: orjson is not installed.
    """

    def __init__(self, columns: Mapping[str, JsonColumn]):
        try:
            import orjson
        except ImportError as error:
            raise MissingExtraError("orjson", "beam") from error
        self._loads: Callable[[bytes], Any] = orjson.loads
        self._columns = columns

    def read(
        self, cells: Mapping[str, pa.Array]
    ) -> tuple[dict[str, pa.Array], Problems]:
        """The columns of a batch.

        Args:
            cells: the columns of the TSV, as binary.

        Returns:
            The columns as texts, and for each place whose JSON cannot be used the
            reason and what was expected and received.
        """
        problems: Problems = {}
        found: dict[str, pa.Array] = {}
        for cell in dict.fromkeys(each.cell for each in self._columns.values()):
            wanted = {n: c for n, c in self._columns.items() if c.cell == cell}
            found |= self._read_cell(cell, cells[cell].to_pylist(), wanted, problems)
        return found, problems

    def _read_cell(
        self,
        cell: str,
        raw: list[bytes | None],
        wanted: Mapping[str, JsonColumn],
        problems: Problems,
    ) -> dict[str, pa.Array]:
        texts: dict[str, list[str | None]] = {
            name: [None] * len(raw) for name in wanted
        }
        for place, content in enumerate(raw):
            if content is None:
                continue
            try:
                entities = self._entities(cell, content)
                for name, column in wanted.items():
                    data = entities.get(column.schema)
                    if data is not None:
                        texts[name][place] = _leaf_text(name, column.leaf(data))
            except _BadCellError as error:
                problems.setdefault(place, error.args)
        return {name: pa.array(each, pa.string()) for name, each in texts.items()}

    def _entities(self, cell: str, content: bytes) -> dict[str | None, dict[str, Any]]:
        """The data of a cell by schema; those of an event's own JSON under None."""
        try:
            outer = self._loads(content)
        except ValueError as error:
            raise _bad("invalid", cell, "JSON", str(error)) from error
        inner = outer.get("data") if isinstance(outer, dict) else None
        if cell == "unstruct_event":
            data = inner.get("data") if isinstance(inner, dict) else None
            if not isinstance(data, dict):
                raise _bad("shape", cell, "a self-describing event", "other JSON")
            return {None: data}
        if not isinstance(inner, list):
            raise _bad("shape", cell, "a list of contexts", "other JSON")
        return self._by_schema(cell, inner)

    def _by_schema(self, cell: str, contexts: list[Any]) -> dict[str | None, Any]:
        """The first context of each schema."""
        found: dict[str | None, Any] = {}
        for context in contexts:
            known = isinstance(context, dict) and isinstance(context.get("data"), dict)
            schema = _SCHEMA.match(str(context.get("schema"))) if known else None
            if schema is None:
                raise _bad("shape", cell, "self-describing contexts", "another one")
            found.setdefault(schema[1], context["data"])
        return found


def _leaf_text(name: str, value: Any) -> str | None:
    try:
        return text_of(value)
    except TypeError as error:
        words = "a text, a number or a truth value at each mapped key"
        raise _bad("not_scalar", name, words, str(error)) from error


def _bad(reason: str, where: str, expected: str, received: str) -> _BadCellError:
    detail = f"Expected {expected} in {where}. Received: {received}."
    return _BadCellError(f"json.{reason}", detail)
