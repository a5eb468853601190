"""Tables that Zap writes: made where they are missing, checked where they are there.

A table is partitioned by the day of one column, since a day is what a run replaces, and
clustered by what questions filter by. Columns that are missing in a table that exists
are not added: that is its owner's to do, and the error says with which statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from zap.bigquery.errors import patience, service_errors
from zap.bigquery.names import TableName
from zap.errors import BigQueryError

if TYPE_CHECKING:
    import pyarrow as pa

OWNER = "zap_owner"
"""The label of a table whose days belong to one owner, such as an application."""

_LEGACY = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
}
Told = Mapping[str, Any]
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


@dataclass(frozen=True)
class TableSpec:
    """What a table that Zap writes is like.

    Attributes:
        schema: the columns, as Arrow types them.
        day: the column of type DATE or TIMESTAMP by whose day it is partitioned.
        cluster: columns that it is clustered by.
        description: of the table.
        columns: descriptions of columns.
        owner: whose days they are; another one's are never replaced. Empty for a table
            that is written by adding rows.
    """

    schema: pa.Schema
    day: str
    cluster: tuple[str, ...] = ()
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""

    def owned_by(self, owner: str) -> TableSpec:
        """The same, whose days are one owner's."""
        return replace(self, owner=owner)

    def to_api(self, name: TableName) -> dict[str, Any]:
        """The table as the REST API takes it."""
        fields = [
            each.to_api(self.columns.get(each.name, ""))
            for each in columns_of(self.schema)
        ]
        told: dict[str, Any] = {
            "tableReference": {
                "projectId": name.project,
                "datasetId": name.dataset,
                "tableId": name.table,
            },
            "schema": {"fields": fields},
            "timePartitioning": {"type": "DAY", "field": self.day},
            "description": self.description,
        }
        if self.cluster:
            told["clustering"] = {"fields": list(self.cluster)}
        if self.owner:
            told["labels"] = {OWNER: label_of(self.owner)}
        return told


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


def label_of(owner: str) -> str:
    """A name as a label's value may be: lower case, at most 63 characters.

    Names that differ in case or beyond the limit get different labels by a hash.
    """
    from hashlib import sha256

    if owner == owner.lower() and len(owner) <= 63:
        return owner
    return f"{owner.lower()[:50]}-{sha256(owner.encode()).hexdigest()[:12]}"


def ensure_table(client: Any, name: TableName, spec: TableSpec) -> Any:
    """The table, made if it is missing.

    Args:
        client: of ``rest_client``.
        name: of the table; its dataset must exist.
        spec: what it is to be like.

    Returns:
        The client's ``Table``, as the service has it now.

    Raises:
        BigQueryError: a table of that name is unlike it, or belongs to another owner;
            or the service refuses.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import Table

    with service_errors("to tell of a table", [name.url]):
        try:
            table = client.get_table(name.id, **patience())
        except NotFound:
            wanted = Table.from_api_repr(spec.to_api(name))
            # Another run may make it at this moment: then that one is taken.
            table = client.create_table(wanted, exists_ok=True, **patience())
    told = table.to_api_repr()
    _check_partitions(name, spec, told)
    _check_columns(name, spec, told)
    return _owned(client, name, spec, table) if spec.owner else table


def _check_partitions(
    name: TableName, spec: TableSpec, told: Mapping[str, Any]
) -> None:
    found = told.get("timePartitioning") or {}
    kind = told.get("type", "TABLE"), found.get("type"), found.get("field")
    if kind != ("TABLE", "DAY", spec.day):
        by = f"{found.get('type')} of {found.get('field')}" if found else "nothing"
        raise BigQueryError(
            f"Expected a table partitioned by DAY of {spec.day}. Received: table="
            f"{name.url!r}, a {kind[0]} partitioned by {by}. Name a "
            "table that does not exist, and it is made."
        )


def _check_columns(name: TableName, spec: TableSpec, told: Told) -> None:
    """Every column to be written must be there, with its type."""
    there = {each.name: each for each in map(_told, told["schema"].get("fields", ()))}
    wanted = columns_of(spec.schema)
    missing = [each for each in wanted if each.name not in there]
    if missing:
        lacks = ", ".join(each.name for each in missing)
        added = ", ".join(f"ADD COLUMN {each.declared()}" for each in missing)
        raise BigQueryError(
            "Expected a table with all columns that are written. Received: table="
            f"{name.url!r} without {lacks}. Add them with: "
            f"ALTER TABLE {name.sql} {added}"
        )
    for each in wanted:
        if there[each.name] != each:
            raise BigQueryError(
                f"Expected column {each.name} to be {each.sql()}. Received: table="
                f"{name.url!r} with {there[each.name].sql()}. Name a table that does "
                "not exist, and it is made."
            )


def _told(field: Mapping[str, Any]) -> Column:
    kind = str(field["type"]).upper()
    return Column(
        field["name"],
        _LEGACY.get(kind, kind),
        field.get("mode") == "REPEATED",
        tuple(_told(each) for each in field.get("fields", ())),
    )


def _owned(client: Any, name: TableName, spec: TableSpec, table: Any) -> Any:
    """The table, marked as its owner's; one of another owner is refused."""
    owner = (table.labels or {}).get(OWNER)
    if owner == label_of(spec.owner):
        return table
    if owner is None and not table.num_rows:
        table.labels = {**(table.labels or {}), OWNER: label_of(spec.owner)}
        with service_errors("to mark a table", [name.url]):
            return client.update_table(table, ["labels"], **patience())
    whose = f"of {owner!r}" if owner else "with rows and without an owner"
    raise BigQueryError(
        f"Expected a table for {spec.owner!r} alone, since its days are replaced. "
        f"Received: table={name.url!r} {whose}. Name another table; or if the rows are "
        f"{spec.owner!r}'s, set the table's label {OWNER}:{label_of(spec.owner)}."
    )
