"""The work on one batch of raw rows: converted cells, and what is wrong with each row.

Each column is made text once, however many fields and rules look at it, and each row
has one reason at most: the first that was found.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.events.cells import Converted, plain, to_bool, to_float, to_int, to_text
from zap.events.coded import decoded
from zap.events.mapping import EventMapping
from zap.events.raw import RawRows
from zap.events.schema import ALWAYS_VALID, TIMESTAMP
from zap.events.skipping import rule_matches
from zap.events.specs import FieldSpec, PropertySpec, SkipRule
from zap.events.timestamps import to_instants

_TIMES = ("timestamp", "received_at")


class RowWork:
    """The work on one batch: converted cells, and what is wrong with its rows.

    Args:
        mapping: says what the columns mean.
        raw: the rows.
        decimal: the character before the fraction in texts that are to be numbers.
    """

    def __init__(self, mapping: EventMapping, raw: RawRows, decimal: str = "."):
        self.mapping = mapping
        self.raw = raw
        self._decimal = decimal
        self.fault = np.zeros(len(raw.rows), np.int32)  # place in reasons, plus 1
        self.reasons: list[tuple[str, str, str | None]] = []
        self.skipped: dict[str, int] = {}
        self._texts: dict[str, Converted] = {}

    def note(
        self,
        prefix: str | None,
        mask: BoolArray,
        reason: str,
        expected: str,
        column: str | None = None,
    ) -> None:
        """Mark rows as bad, unless they are already."""
        new = mask & (self.fault == 0)
        if not new.any():
            return
        if column is None and prefix is not None and prefix in self.mapping.fields:
            column = self.mapping.fields[prefix].column
        name = reason if prefix is None else f"{prefix}.{reason}"
        self.reasons.append((name, expected, column))
        self.fault[new] = len(self.reasons)

    def text(self, column: str) -> pa.Array:
        """A column as texts, or codes into texts; what has none makes its row bad."""
        if column not in self._texts:
            self._texts[column] = to_text(self.raw.columns[column], column)
        converted = self._texts[column]
        for failure in converted.failures:
            self.note(None, failure.mask, failure.reason, failure.expected, column)
        return converted.values

    def cells(self, column: str) -> pa.Array:
        """A column ready for a typed conversion: texts as texts, numbers as numbers."""
        cells = plain(self.raw.columns[column])
        if pa.types.is_string(cells.type) or pa.types.is_binary(cells.type):
            return decoded(self.text(column))
        return cells

    def _checked(self, prefix: str, column: str, converted: Converted) -> pa.Array:
        for failure in converted.failures:
            self.note(prefix, failure.mask, failure.reason, failure.expected, column)
        return converted.values

    def field(self, name: str, spec: FieldSpec) -> pa.Array:
        """A canonical field."""
        if spec.column is None and name == "timestamp":
            return pa.repeat(pa.scalar(ALWAYS_VALID, TIMESTAMP), len(self.raw.rows))
        if spec.column is None or name not in (*_TIMES, "sequence"):
            return self.field_text(spec)
        if name == "sequence":
            return self._checked(name, spec.column, to_int(self.cells(spec.column)))
        return self._instants(name, spec.column, spec)

    def _instants(
        self, prefix: str, column: str, spec: FieldSpec | PropertySpec
    ) -> pa.Array:
        converted = to_instants(
            self.cells(column),
            column,
            unit=spec.unit,
            form=spec.format,
            timezone=self.mapping.timezone,
        )
        return self._checked(prefix, column, converted)

    def field_text(self, spec: FieldSpec) -> pa.Array:
        """The text of a field, after constants, values, prefixes and the default."""
        if spec.column is None:
            return pa.repeat(spec.constant, len(self.raw.rows))
        texts = self.text(spec.column)
        if spec.values or spec.prefixes:
            return _renamed(decoded(texts), spec)
        if spec.default is None:
            return texts
        return pc.fill_null(decoded(texts), spec.default)

    def property(self, name: str, spec: PropertySpec) -> pa.Array:
        """A property; its name begins the reasons."""
        prefix = f"property.{name}"
        if spec.fold == "count":
            return pa.repeat(pa.scalar(1, pa.int64()), len(self.raw.rows))
        if spec.product:
            return self._product(prefix, spec)
        assert spec.column is not None
        if spec.type == "timestamp":
            return self._instants(prefix, spec.column, spec)
        if spec.type == "string":
            return self.text(spec.column)
        if spec.type == "bool":
            return self._checked(prefix, spec.column, to_bool(self.cells(spec.column)))
        convert = to_int if spec.type == "int" else to_float
        return self._checked(prefix, spec.column, convert(self._numbers(spec.column)))

    def _numbers(self, column: str) -> pa.Array:
        """Cells of which numbers are to be made, with points for decimal commas."""
        cells = self.cells(column)
        if self._decimal == "." or not pa.types.is_string(cells.type):
            return cells
        # A point beside decimal commas may part thousands: it must not pass for one.
        return pc.replace_substring(pc.replace_substring(cells, ".", "'"), ",", ".")

    def _product(self, prefix: str, spec: PropertySpec) -> pa.Array:
        """A product of columns; absent where a factor is."""
        product = pa.scalar(1.0)
        for column in spec.product:
            factor = self._checked(prefix, column, to_float(self._numbers(column)))
            product = pc.multiply(product, factor)
        convert = to_int if spec.type == "int" else to_float
        return self._checked(prefix, spec.product[0], convert(product))

    def skip(self) -> BoolArray:
        """Rows that a rule names; counts them under the first that does."""
        skipped = np.zeros(len(self.raw.rows), bool)
        for rule in self.mapping.skip:
            hit = rule_matches(rule, self._rule_texts(rule)) & ~skipped
            self.skipped[f"rows.skipped.{rule.name}"] = int(hit.sum())
            skipped |= hit
        return skipped

    def _rule_texts(self, rule: SkipRule) -> pa.Array:
        if rule.column is not None:
            return decoded(self.text(rule.column))
        assert rule.field is not None
        if rule.field in self.mapping.properties:
            spec = self.mapping.properties[rule.field]
            if spec.column is not None:
                return decoded(self.text(spec.column))
            return pc.cast(self.property(rule.field, spec), pa.string())
        return decoded(self.field_text(self.mapping.fields[rule.field]))


def _renamed(texts: pa.Array, spec: FieldSpec) -> pa.Array:
    """Texts under the names that a mapping gives them."""
    present = pc.is_valid(texts)
    result = texts
    if spec.default is not None:
        result = pc.if_else(present, spec.default, texts)
    # The longest prefix is laid on last, so it wins.
    for prefix, name in sorted(spec.prefixes, key=lambda pair: len(pair[0])):
        fits = pc.fill_null(pc.starts_with(texts, prefix), False)
        result = pc.if_else(fits, name, result)
    if spec.values:
        keys, names = zip(*spec.values, strict=True)
        place = pc.index_in(texts, value_set=pa.array(keys, pa.string()))
        named = pc.take(pa.array(names, pa.string()), place)
        result = pc.coalesce(named, result)
    return result
