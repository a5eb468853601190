"""Columns of a table, as Arrow, the REST API and a statement write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zap.errors import BigQueryError

if TYPE_CHECKING:
    import pyarrow as pa

_LEGACY = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
}
_SQL = {legacy: standard for standard, legacy in _LEGACY.items()}


@dataclass(frozen=True)
class Column:
    """A column, as the service's own JSON tells it.

    Attributes:
        name: of the column.
        type: in the words of the REST API: STRING, INTEGER, FLOAT, ...
        repeated: whether it holds an array.
        columns: of a RECORD.
    """

    name: str
    type: str
    repeated: bool = False
    columns: tuple[Column, ...] = ()

    def to_api(self, description: str = "") -> dict[str, Any]:
        """As the REST API takes it."""
        told: dict[str, Any] = {"name": self.name, "type": self.type}
        told["mode"] = "REPEATED" if self.repeated else "NULLABLE"
        if self.columns:
            told["fields"] = [each.to_api() for each in self.columns]
        if description:
            told["description"] = description
        return told

    def sql(self) -> str:
        """Its type as a query writes it."""
        name = _SQL.get(self.type, self.type)
        if self.columns:
            inner = ", ".join(each.declared() for each in self.columns)
            name = f"STRUCT<{inner}>"
        return f"ARRAY<{name}>" if self.repeated else name

    def declared(self) -> str:
        """Its name and type in a statement; quoted, as it may be a word of SQL."""
        return f"`{self.name}` {self.sql()}"


def columns_of(schema: pa.Schema) -> list[Column]:
    """The columns that a load of Parquet files makes of Arrow's types.

    Raises:
        BigQueryError: a type has no like.
    """
    return [_column(each.name, each.type) for each in schema]


def _column(name: str, type_: pa.DataType) -> Column:
    import pyarrow.types as types

    if types.is_list(type_) or types.is_large_list(type_):
        inner = _column(name, type_.value_type)
        if inner.repeated:
            raise BigQueryError(
                "Expected columns that BigQuery has types for. Received: a list of "
                f"lists in column={name!r}. Put the inner list into a struct."
            )
        return Column(name, inner.type, True, inner.columns)
    if types.is_dictionary(type_):
        return _column(name, type_.value_type)
    if types.is_struct(type_):
        inside = tuple(_column(each.name, each.type) for each in type_)
        return Column(name, "RECORD", columns=inside)
    known = {
        "STRING": types.is_string(type_) or types.is_large_string(type_),
        "INTEGER": types.is_integer(type_),
        "FLOAT": types.is_floating(type_),
        "BOOLEAN": types.is_boolean(type_),
        "DATE": types.is_date32(type_),
        "BYTES": types.is_binary(type_) or types.is_large_binary(type_),
        "TIMESTAMP": types.is_timestamp(type_) and bool(type_.tz),
        "DATETIME": types.is_timestamp(type_) and not type_.tz,
    }
    for kind, found in known.items():
        if found:
            return Column(name, kind)
    raise BigQueryError(
        "Expected columns that BigQuery has types for. "
        f"Received: column={name!r} of type {type_}. Cast it before it is written."
    )


def column_told(field: Mapping[str, Any]) -> Column:
    """A column as the REST API tells it."""
    kind = str(field["type"]).upper()
    return Column(
        field["name"],
        _LEGACY.get(kind, kind),
        field.get("mode") == "REPEATED",
        tuple(column_told(each) for each in field.get("fields", ())),
    )
