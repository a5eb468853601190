"""Tables that Zap writes: made where they are missing, checked where they are there.

A table is partitioned by the day of one column, since a day is what a run replaces, and
clustered by what questions filter by. Columns that are missing in a table that exists
are not added: that is its owner's to do, and the error says with which statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from zap.bigquery.columns import column_told, columns_of
from zap.bigquery.errors import patience, service_errors
from zap.bigquery.names import TableName
from zap.errors import BigQueryError

if TYPE_CHECKING:
    import pyarrow as pa

OWNER = "zap_owner"
"""The label of a table whose days belong to one owner, such as an application."""

Told = Mapping[str, Any]


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
    there = {
        each.name: each for each in map(column_told, told["schema"].get("fields", ()))
    }
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
