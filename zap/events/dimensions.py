"""Dimensions: tables of what is known of a subject, and from when on.

A row becomes an event of type "dimension.NAME" at the time at which it became valid.
So all that holds for events holds for it: the total order, late arrival, and that no
cutoff sees what was not yet valid. What a row may not do is count as activity; see
``zap.encoding.dimensions``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.errors import MappingError
from zap.events.exports import inherited_format
from zap.events.files import is_remote
from zap.events.spec_tables import (
    check_rules,
    read_csv,
    read_fields,
    read_properties,
    read_skip,
    time_field,
    zone_of,
)
from zap.events.specs import (
    FORMATS,
    CsvOptions,
    FieldSpec,
    PropertySpec,
    SkipRule,
    said,
)
from zap.events.tables import TableReader, is_text

FIELDS = ("anonymous_id", "user_id", "received_at", "event_id")
ALWAYS = "always"
_KEYS = ("name", "input", "valid_from", "fields", "properties")
_OWN = ("format", "timezone", "csv", "skip")


@dataclass(frozen=True)
class Dimension:
    """One table of what is known of subjects.

    Attributes:
        name: its rows are events of type "dimension." + name.
        inputs: files, globs or directories, relative to the mapping's folder.
        valid_from: where a row's time comes from; None: the rows have none, on
            purpose, and are valid always.
        fields: who a row is about, and when it came in.
        properties: what it says.
        format: of the files; None: told from each file's name.
        timezone: of times that name no offset.
        csv: dialect.
        skip: rules in order.
    """

    name: str
    inputs: tuple[str, ...]
    valid_from: FieldSpec | None
    fields: Mapping[str, FieldSpec]
    properties: Mapping[str, PropertySpec]
    format: str | None = None
    timezone: str | None = None
    csv: CsvOptions = field(default_factory=CsvOptions)
    skip: tuple[SkipRule, ...] = ()

    def parts(self) -> dict[str, Any]:
        """The attributes of the ``EventMapping`` that reads the rows."""
        time = self.valid_from or FieldSpec(constant=ALWAYS)
        kind = FieldSpec(constant=DIMENSION_PREFIX + self.name)
        return {
            "fields": {**self.fields, "timestamp": time, "type": kind},
            "properties": self.properties,
            "format": self.format,
            "timezone": self.timezone,
            "csv": self.csv,
            "skip": self.skip,
        }

    def to_dict(self) -> dict[str, Any]:
        """The dimension as JSON in the shape of the file, with nothing inherited."""
        data: dict[str, Any] = {
            "name": self.name,
            "input": list(self.inputs),
            "valid_from": said(self.valid_from) if self.valid_from else ALWAYS,
            "fields": {name: said(spec) for name, spec in self.fields.items()},
            "properties": {name: said(spec) for name, spec in self.properties.items()},
            "format": self.format,
            "timezone": self.timezone,
            "csv": said(self.csv),
            "skip": [said(rule) for rule in self.skip],
        }
        return {key: value for key, value in data.items() if value is not None}


def read_dimensions(table: TableReader, outer: Mapping[str, Any]) -> list[Dimension]:
    """The dimensions of a mapping file.

    Args:
        table: the whole mapping.
        outer: the parts of the mapping around them, which they inherit.

    Raises:
        MappingError: names the key, the value and what was expected.
    """
    found = [_dimension(each, outer) for each in table.tables("dimensions")]
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        table.refuse("dimensions", names, "dimensions with a name of their own")
    types = {name: spec.type for name, spec in outer["properties"].items()}
    for each in found:
        for name, spec in each.properties.items():
            if types.setdefault(name, spec.type) != spec.type:
                raise MappingError(
                    "Expected one type for a property that is declared twice. "
                    f"Received: {name}={types[name]!r}, and {spec.type!r} in the "
                    f"dimension {each.name!r}. Make them alike, or rename one."
                )
    return found


def _dimension(table: TableReader, outer: Mapping[str, Any]) -> Dimension:
    table.only(*_KEYS, *_OWN)
    name = table.required_text("name")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        table.refuse("name", name, "letters, digits, _ and -, as a type's name")
    one = table.take("input")
    inputs = (one,) if is_text(one) else table.texts("input")
    if not inputs or not all(inputs):
        table.refuse("input", one, "files, globs or directories")
    properties = read_properties(table.table("properties"))
    for key, spec in properties.items():
        if spec.fold != "first":
            table.refuse(f"properties.{key}.fold", spec.fold, "no fold: a row is whole")
    if not properties:
        table.refuse("properties", {}, "at least one property that the rows tell")
    fields = _fields(table)
    return Dimension(
        name=name,
        inputs=inputs,
        valid_from=_valid_from(table),
        fields=fields,
        properties=properties,
        format=table.choice("format", FORMATS) or inherited_format(outer["format"]),
        timezone=zone_of(table) or outer["timezone"],
        csv=_csv(table, outer["csv"]),
        skip=_skip(table, outer["skip"], {*fields, *properties}),
    )


def _fields(table: TableReader) -> dict[str, FieldSpec]:
    """Who a row is about; a row has its time and type from the dimension."""
    given = table.table("fields").only(*FIELDS)
    if not given.has("anonymous_id") and not given.has("user_id"):
        table.refuse(
            "fields", given.names(), "anonymous_id or user_id: who it is about"
        )
    return read_fields(given, required=())


def _valid_from(table: TableReader) -> FieldSpec | None:
    if not table.has("valid_from"):
        table.refuse("valid_from", None, 'a column of times, or "always"')
    if table.take("valid_from") == ALWAYS:
        return None
    return time_field(table.table_or_column("valid_from"))


def _csv(table: TableReader, outer: CsvOptions) -> CsvOptions:
    """Its own dialect, or the outer one: columns are the dimension's own affair."""
    if table.has("csv"):
        return read_csv(table.table("csv"))
    return replace(outer, header=True, columns=())


def _skip(
    table: TableReader, outer: tuple[SkipRule, ...], known: set[str]
) -> tuple[SkipRule, ...]:
    """Its own rules, or those outer ones by a field that its rows have as well."""
    if table.take("skip") is None:
        return tuple(rule for rule in outer if rule.field in known)
    rules = tuple(read_skip(rule) for rule in table.tables("skip"))
    check_rules(rules, known)
    return rules


def resolved(pattern: str, folder: str) -> str:
    """A pattern from a mapping file, seen from here."""
    return pattern if is_remote(pattern) else os.path.join(folder, pattern)
