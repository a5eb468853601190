"""How raw rows become events: a mapping, and its file.

A site differs from another in its columns, its clock and its dirt, and all of that is
said here, as data: a mapping has a JSON round trip and a digest that goes into the
manifest of what was made with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zap.errors import MappingError
from zap.events.dimensions import Dimension, resolved
from zap.events.mapping_file import load_toml, parse_parts
from zap.events.schema import PropertyType
from zap.events.specs import (
    CsvOptions,
    FieldSpec,
    Observed,
    PropertySpec,
    SkipRule,
    said,
)


@dataclass(frozen=True)
class EventMapping:
    """All that is to know about a site's raw rows.

    Attributes:
        fields: canonical field to where it comes from; always holds timestamp and
            type.
        properties: declared properties in order.
        format: of the files; None: told from each file's name.
        timezone: of times that name no offset; None: such rows are bad.
        row_group_key: column whose equal values, for one subject, make one event.
        csv: dialect.
        observed: the observed range, if known.
        skip: rules in order; the first that matches counts.
        dimensions: tables of what is known of subjects, beside the events.
        ties: what orders events of one time and sequence: "content" for what they hold,
            as in tables, which have no order of their own; None: their place in files.
        folder: what the dimensions' inputs are relative to; it is no part of what the
            mapping says.
    """

    fields: Mapping[str, FieldSpec]
    properties: Mapping[str, PropertySpec] = field(default_factory=dict)
    format: str | None = None
    timezone: str | None = None
    row_group_key: str | None = None
    csv: CsvOptions = field(default_factory=CsvOptions)
    observed: Observed | None = None
    skip: tuple[SkipRule, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    ties: str | None = None
    folder: str = field(default="", compare=False)

    @classmethod
    def load(cls, path: str | Path) -> EventMapping:
        """Read a mapping file in TOML.

        Raises:
            MappingError: the file is missing, is no TOML, or says something unknown.
        """
        try:
            return cls.from_dict(load_toml(path), str(Path(path).parent))
        except MappingError as error:
            raise MappingError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: str = "") -> EventMapping:
        """Check a mapping in the shape of the TOML file, or of ``to_dict``.

        Args:
            data: the mapping.
            folder: what the inputs of its dimensions are relative to.

        Raises:
            MappingError: names the key, the value, and what was expected.
        """
        return cls(**parse_parts(data), folder=folder)

    def to_dict(self) -> dict[str, Any]:
        """The mapping as JSON in the shape of the TOML file."""
        data: dict[str, Any] = {
            "format": self.format,
            "timezone": self.timezone,
            "row_group_key": self.row_group_key,
            "ties": self.ties,
            "csv": said(self.csv) if self.csv != CsvOptions() else None,
            "fields": {name: said(spec) for name, spec in self.fields.items()},
            "properties": {name: said(spec) for name, spec in self.properties.items()},
            "observed": said(self.observed) if self.observed else None,
            "skip": [said(rule) for rule in self.skip],
            "dimensions": [each.to_dict() for each in self.dimensions],
        }
        return {key: value for key, value in data.items() if value not in (None, [])}

    def digest(self) -> str:
        """Hex digest of all that the mapping says, for manifests."""
        text = json.dumps(self.to_dict(), ensure_ascii=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def property_types(
        self, names: Collection[str] | None = None
    ) -> dict[str, PropertyType]:
        """Declared properties and their types, those of dimensions after the others.

        Args:
            names: keep only these; names that are not declared are passed over.
        """
        return {
            name: spec.type
            for properties in (
                self.properties,
                *(d.properties for d in self.dimensions),
            )
            for name, spec in properties.items()
            if names is None or name in names
        }

    def dimension_paths(self) -> tuple[str, ...]:
        """Files, globs and directories of the dimensions, seen from here."""
        return tuple(
            resolved(pattern, self.folder)
            for dimension in self.dimensions
            for pattern in dimension.inputs
        )

    def of(self, dimension: str | None) -> EventMapping:
        """How rows of a source are read: those of events, or of a dimension."""
        if dimension is None:
            return self
        found = next(each for each in self.dimensions if each.name == dimension)
        return EventMapping(**found.parts(), ties=self.ties)
