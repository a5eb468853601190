"""Tables for tests: loaded into the emulator by the vendor's own client."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from bigquery_server import BigQueryServer

TYPES = {
    "string": "STRING",
    "large_string": "STRING",
    "int64": "INT64",
    "double": "FLOAT64",
    "bool": "BOOL",
    "timestamp[us, tz=UTC]": "TIMESTAMP",
    "timestamp[us]": "DATETIME",
    "date32[day]": "DATE",
}


def make_table(server: BigQueryServer, name: str, rows: pa.Table) -> str:
    """A table with these rows; its address.

    Args:
        server: the emulator.
        name: ``project.dataset.table``.
        rows: in order, which the emulator keeps within a stream.
    """
    from google.cloud import bigquery

    client = server.client()
    schema = [field_of(each) for each in rows.schema]
    client.create_table(bigquery.Table(name, schema=schema))
    file = io.BytesIO()
    pq.write_table(rows, file)
    file.seek(0)
    config = bigquery.LoadJobConfig(
        source_format="PARQUET", schema=schema, write_disposition="WRITE_TRUNCATE"
    )
    client.load_table_from_file(file, name, job_config=config).result()
    return f"bigquery://{name}"


def field_of(column: pa.Field) -> Any:
    """A column of Arrow as one of BigQuery."""
    from google.cloud import bigquery

    kind, mode = column.type, "NULLABLE"
    if pa.types.is_list(kind):
        kind, mode = kind.value_type, "REPEATED"
    if pa.types.is_struct(kind):
        inner = [field_of(each) for each in kind]
        return bigquery.SchemaField(column.name, "RECORD", mode, fields=inner)
    return bigquery.SchemaField(column.name, TYPES[str(kind)], mode)
