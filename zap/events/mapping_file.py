"""Checks a mapping file and takes it apart.

A mapping is written by hand, once, by somebody who then waits minutes for a result. So
everything that can be told without data is told at once: the key, the value, the type
wanted, and the nearest key that exists.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zap.errors import MappingError
from zap.events.content import TIES
from zap.events.dimensions import read_dimensions
from zap.events.exports import with_ready_fields
from zap.events.spec_tables import (
    check_rules,
    read_csv,
    read_fields,
    read_observed,
    read_properties,
    read_skip,
    zone_of,
)
from zap.events.specs import FORMATS
from zap.events.tables import TableReader

_KEYS = ("format", "timezone", "row_group_key", "csv", "fields", "properties")
_REST = ("ties", "observed", "skip", "dimensions")


def load_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a mapping file.

    Raises:
        MappingError: the file cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise MappingError(
            f"Expected a mapping file that can be read. Received: path={str(path)!r} "
            f"({error.strerror}). Check the path."
        ) from error
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits and lists that nest as deep are among these.
        raise MappingError(
            f"Expected a mapping file in TOML. Received: path={str(path)!r}, "
            f"{str(error)[:500]}. "
            "Mend the syntax at that place."
        ) from error


def parse_parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Check a mapping in the shape of its file.

    Returns:
        The attributes of an ``EventMapping`` by name.

    Raises:
        MappingError: names the key, the value, and what was expected.
    """
    table = TableReader("", data).only(*_KEYS, *_REST)
    form = table.choice("format", FORMATS)
    parts = {
        "format": form,
        "timezone": zone_of(table),
        "row_group_key": table.text("row_group_key"),
        "ties": table.choice("ties", TIES),
        "csv": read_csv(table.table("csv")),
        "fields": read_fields(_with_ready_fields(form, table.table("fields"))),
        "properties": read_properties(table.table("properties")),
        "observed": (
            read_observed(table.table("observed")) if table.has("observed") else None
        ),
        "skip": tuple(read_skip(rule) for rule in table.tables("skip")),
    }
    _check_whole(parts)
    return parts | {"dimensions": tuple(read_dimensions(table, parts))}


def _with_ready_fields(form: str | None, given: TableReader) -> TableReader:
    """The table of fields, with those that its export is ready with."""
    own = {name: given.take(name) for name in given.names()}
    return TableReader("fields", with_ready_fields(form, own))


def _check_whole(parts: Mapping[str, Any]) -> None:
    """Refuse what only the parts together make wrong."""
    for name, spec in parts["properties"].items():
        if spec.fold != "first" and parts["row_group_key"] is None:
            raise MappingError(
                "Expected a fold only where rows are folded. Received: "
                f"properties.{name}.fold={spec.fold!r}. Add row_group_key, the column "
                "whose equal values make one event, or remove the fold."
            )
    check_rules(parts["skip"], {*parts["fields"], *parts["properties"]})
