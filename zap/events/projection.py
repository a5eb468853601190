"""Turns raw cells into canonical events by a mapping: the same for every format.

Each field is one columnar conversion. A row that a skip rule names is skipped whatever
else is wrong with it; of the others the first reason in the order of the fields makes
it bad.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.events.cells import mask_of
from zap.events.coded import CODED, codes_of, decoded, encoded, from_codes, is_coded
from zap.events.content import CONTENT, content_numbers
from zap.events.mapping import EventMapping
from zap.events.raw import DeadLetter, RawRows, clip, plain_value
from zap.events.row_work import RowWork
from zap.events.schema import CANONICAL, PROPERTY_TYPES, canonical_schema
from zap.events.sources import Source
from zap.events.specs import SkipRule

MAX_SHOWN_CHARS = 200


@dataclass(frozen=True)
class ReadBatch:
    """Some rows of a source, read.

    Attributes:
        events: those that became events; columns of ``canonical_schema``, texts as
            codes (``zap.events.coded``) where that was asked for.
        dead: those that are bad.
        counts: by "rows.read", "rows.skipped.<rule>", "rows.bad.<reason>" and
            "events.read"; the first is the sum of the others. Rows of a dimension
            count under "rows.dimension.<name>" as well.
    """

    events: pa.RecordBatch
    dead: list[DeadLetter]
    counts: dict[str, int]


class Projector:
    """Projects the rows of one source.

    Args:
        source: where the rows are from.
        mapping: what becomes of them.
        properties: the declared properties to give; None for all.
        plain: the fields of text to give as texts and not as codes; None for all.
        unread: fields of every event that nobody looks at. Of a table, whose bytes are
            paid for by the column, and of files that are to agree with it, they are
            left out.
    """

    def __init__(
        self,
        source: Source,
        mapping: EventMapping,
        properties: Collection[str] | None = None,
        plain: Collection[str] | None = None,
        unread: Collection[str] = (),
    ):
        self.source = source
        self.mapping = mapping.of(source.dimension)
        self.properties = mapping.property_types(properties)
        self._name = name_of(source, mapping)
        self._by_content = self._name == CONTENT
        left_out = unread if self._by_content else ()
        self._fields = {
            name: spec
            for name, spec in self.mapping.fields.items()
            if name not in left_out
        }
        schema = canonical_schema(self.properties)
        self.coded = {
            field.name
            for field in schema
            if plain is not None
            and field.name not in plain
            and pa.types.is_string(field.type)
        }
        self.schema = pa.schema(
            field.with_type(CODED) if field.name in self.coded else field
            for field in schema
        )

    def columns(self) -> list[str]:
        """The columns of the source that are needed, each once."""
        own = self.mapping.properties
        specs = [own[name] for name in self.properties if name in own]
        names = [spec.column for spec in self._fields.values()]
        names += [spec.column for spec in specs]
        names += [column for spec in specs for column in spec.product]
        names += [self._rule_column(rule) for rule in self.mapping.skip]
        names.append(self.mapping.row_group_key)
        return list(dict.fromkeys(name for name in names if name is not None))

    def _rule_column(self, rule: SkipRule) -> str | None:
        if rule.field is None:
            return rule.column
        if rule.field in self.mapping.fields:
            return self.mapping.fields[rule.field].column
        return self.mapping.properties[rule.field].column

    def project(self, raw: RawRows) -> ReadBatch:
        """Make events of some rows."""
        decimal = self.mapping.csv.decimal if self.source.format == "csv" else "."
        rows = RowWork(self.mapping, raw, decimal)
        skipped = rows.skip()
        columns = [self._canonical(rows, field) for field in CANONICAL]
        columns += [self._property(rows, name) for name in self.properties]
        bad = (rows.fault > 0) & ~skipped
        keep = ~(bad | skipped)
        if not keep.all():
            mask = pa.array(keep)
            columns = [column.filter(mask) for column in columns]
        columns = [
            encoded(column) if field.name in self.coded else decoded(column)
            for field, column in zip(self.schema, columns, strict=True)
        ]
        if self._by_content:
            columns = self._numbered(columns)
        events = pa.RecordBatch.from_arrays(columns, schema=self.schema)
        dead = [*raw.bad, *(self._letter(rows, int(i)) for i in np.flatnonzero(bad))]
        dead.sort(key=lambda letter: letter.line)
        counts = _counts(rows, dead, events.num_rows)
        if self.source.dimension is not None:
            counts[f"rows.dimension.{self.source.dimension}"] = counts["rows.read"]
        return ReadBatch(events, dead, counts)

    def _numbered(self, columns: list[pa.Array]) -> list[pa.Array]:
        """The columns, with the number of each event's content as its row."""
        named = dict(zip(self.schema.names, columns, strict=True))
        size = len(named["row"])
        content = {n: c for n, c in named.items() if n not in ("source", "row")}
        named["row"] = pa.array(content_numbers(content, size), pa.int64())
        return list(named.values())

    def _property(self, rows: RowWork, name: str) -> pa.Array:
        """A property; null where only other sources of the mapping have it."""
        if name in self.mapping.properties:
            return rows.property(name, self.mapping.properties[name])
        return pa.nulls(len(rows.raw.rows), PROPERTY_TYPES[self.properties[name]])

    def _canonical(self, rows: RowWork, field: pa.Field) -> pa.Array:
        size = len(rows.raw.rows)
        if field.name == "source":
            digest = pa.array([self._name], pa.string())
            return from_codes(np.zeros(size, np.int32), digest)
        if field.name == "row":
            return pa.array(rows.raw.rows)
        if field.name == "group":
            key = self.mapping.row_group_key
            return pa.nulls(size, field.type) if key is None else rows.text(key)
        spec = self._fields.get(field.name)
        if spec is None:
            return pa.nulls(size, field.type)
        values = rows.field(field.name, spec)
        if not field.nullable and values.null_count:
            rows.note(field.name, mask_of(pc.is_null(values)), "missing", "a value")
        if field.name == "type" and self.source.dimension is None:
            taken = _is_of_dimension(values)
            words = f"a type that does not begin with {DIMENSION_PREFIX!r}"
            rows.note(field.name, taken, "reserved", words)
        return values

    def _letter(self, rows: RowWork, place: int) -> DeadLetter:
        reason, expected, received = rows.reasons[rows.fault[place] - 1]
        shown = _shown(received, rows.raw, place)
        detail = f"Expected {expected}. Received: {shown}."
        line = int(rows.raw.lines[place])
        return DeadLetter(self.source.path, line, reason, detail, rows.raw.text(place))


def name_of(source: Source, mapping: EventMapping) -> str:
    """What stands in the column ``source`` of a source's events."""
    in_order = source.table is None and mapping.ties != CONTENT
    return source.digest if in_order else CONTENT


def _is_of_dimension(types: pa.Array) -> BoolArray:
    if not is_coded(types.type):
        return mask_of(pc.starts_with(types, DIMENSION_PREFIX))
    distinct = mask_of(pc.starts_with(types.dictionary, DIMENSION_PREFIX))
    return np.append(distinct, False)[codes_of(types)]


def _shown(column: str | None, raw: RawRows, place: int) -> str:
    """A cell for a message."""
    if column is None or column not in raw.columns:
        return "none"
    value = plain_value(raw.columns[column][place])
    if isinstance(value, bytes):
        value = clip(value)
    elif isinstance(value, datetime):
        value = str(value)
    return f"{column}={value!r}"[:MAX_SHOWN_CHARS]


def _counts(rows: RowWork, dead: list[DeadLetter], events: int) -> dict[str, int]:
    counts = {
        "rows.read": len(rows.raw.rows) + len(rows.raw.bad),
        "events.read": events,
    }
    counts |= rows.skipped
    for letter in dead:
        name = f"rows.bad.{letter.reason}"
        counts[name] = counts.get(name, 0) + 1
    return counts
