"""Tables are made as they are meant, and others are left alone."""

from __future__ import annotations

import pyarrow as pa
import pytest
from bigquery_schema import wrong_in
from bigquery_server import PROJECT, BigQueryServer

from zap.bigquery.client import rest_client
from zap.bigquery.columns import columns_of
from zap.bigquery.destination import TableSpec, ensure_table, label_of
from zap.bigquery.names import TableName, parse_table
from zap.errors import BigQueryError

INNER = pa.struct([("class", pa.string()), ("probability", pa.float64())])
SCHEMA = pa.schema(
    [
        ("day", pa.date32()),
        ("subject", pa.string()),
        ("code", pa.dictionary(pa.int32(), pa.string())),
        ("at", pa.timestamp("us", "UTC")),
        ("local", pa.timestamp("us")),
        ("n", pa.int32()),
        ("p", pa.float32()),
        ("yes", pa.bool_()),
        ("raw", pa.binary()),
        ("all", pa.list_(pa.float64())),
        ("classes", pa.list_(INNER)),
    ]
)
SPEC = TableSpec(
    SCHEMA, "day", ("subject",), "Made by a test.", {"subject": "Whom it is about."}
)


def named(bigquery: BigQueryServer, table: str = "t") -> TableName:
    return parse_table(f"bigquery://{bigquery.new_dataset()}.{table}")


def test_a_missing_table_is_made_with_partitions_and_clusters(
    bigquery: BigQueryServer,
) -> None:
    name = named(bigquery)
    ensure_table(rest_client(PROJECT), name, SPEC)
    made = bigquery.client().get_table(name.id)
    assert (made.time_partitioning.type_, made.time_partitioning.field) == (
        "DAY",
        "day",
    )
    assert made.clustering_fields == ["subject"]
    assert made.description == "Made by a test."
    found = {f.name: (f.field_type, f.mode) for f in made.schema}
    assert found == {
        "day": ("DATE", "NULLABLE"),
        "subject": ("STRING", "NULLABLE"),
        "code": ("STRING", "NULLABLE"),
        "at": ("TIMESTAMP", "NULLABLE"),
        "local": ("DATETIME", "NULLABLE"),
        "n": ("INTEGER", "NULLABLE"),
        "p": ("FLOAT", "NULLABLE"),
        "yes": ("BOOLEAN", "NULLABLE"),
        "raw": ("BYTES", "NULLABLE"),
        "all": ("FLOAT", "REPEATED"),
        "classes": ("RECORD", "REPEATED"),
    }
    assert made.schema[1].description == "Whom it is about."
    assert [f.name for f in made.schema[-1].fields] == ["class", "probability"]


def test_a_table_that_is_there_is_taken(bigquery: BigQueryServer) -> None:
    name, client = named(bigquery), rest_client(PROJECT)
    first = ensure_table(client, name, SPEC)
    again = ensure_table(client, name, SPEC)
    assert first.created == again.created


def test_what_is_sent_is_what_the_api_publishes(bigquery: BigQueryServer) -> None:
    name = named(bigquery)
    bigquery.requests()
    owned = TableSpec(SCHEMA, "day", ("subject",), "Made.", {}, "shop")
    ensure_table(rest_client(PROJECT), name, owned)
    asked = bigquery.requests()
    assert [each["method"] for each in asked] == ["GET", "POST"]
    assert [wrong for each in asked for wrong in wrong_in(each)] == []


def test_a_table_without_partitions_is_refused(bigquery: BigQueryServer) -> None:
    name = named(bigquery)
    bigquery.client().query(f"CREATE TABLE {name.sql} (day DATE)").result()
    with pytest.raises(BigQueryError, match=r"by DAY of day\. .*by nothing"):
        ensure_table(rest_client(PROJECT), name, SPEC)


def test_a_missing_column_is_told_with_the_statement_that_adds_it(
    bigquery: BigQueryServer,
) -> None:
    name, client = named(bigquery), rest_client(PROJECT)
    fewer = pa.schema([f for f in SCHEMA if f.name not in ("p", "classes")])
    ensure_table(client, name, TableSpec(fewer, "day"))
    with pytest.raises(BigQueryError, match="without p, classes") as raised:
        ensure_table(client, name, SPEC)
    assert str(raised.value).endswith(
        f"ALTER TABLE {name.sql} ADD COLUMN `p` FLOAT64, ADD COLUMN `classes` "
        "ARRAY<STRUCT<`class` STRING, `probability` FLOAT64>>"
    )


def test_a_column_of_another_type_is_refused(bigquery: BigQueryServer) -> None:
    name, client = named(bigquery), rest_client(PROJECT)
    other = SCHEMA.set(5, pa.field("n", pa.string()))
    ensure_table(client, name, TableSpec(other, "day"))
    with pytest.raises(BigQueryError, match=r"n to be INT64\. .*with STRING"):
        ensure_table(client, name, SPEC)


def test_columns_of_the_owner_s_own_may_be_there(bigquery: BigQueryServer) -> None:
    name, client = named(bigquery), rest_client(PROJECT)
    more = SCHEMA.append(pa.field("note", pa.string()))
    ensure_table(client, name, TableSpec(more, "day"))
    assert ensure_table(client, name, SPEC).schema[-1].name == "note"


def test_a_table_belongs_to_one_owner(bigquery: BigQueryServer) -> None:
    name, client = named(bigquery), rest_client(PROJECT)
    ensure_table(client, name, TableSpec(SCHEMA, "day", owner="shop"))
    ensure_table(client, name, TableSpec(SCHEMA, "day", owner="shop"))
    with pytest.raises(BigQueryError, match="a table for 'blog' alone"):
        ensure_table(client, name, TableSpec(SCHEMA, "day", owner="blog"))


def test_an_empty_table_is_marked_and_one_with_rows_is_not(
    bigquery: BigQueryServer,
) -> None:
    client, owned = rest_client(PROJECT), TableSpec(SCHEMA, "day", owner="shop")
    empty, full = named(bigquery), named(bigquery)
    for name in (empty, full):
        ensure_table(client, name, SPEC)
    assert ensure_table(client, empty, owned).labels == {"zap_owner": "shop"}
    bigquery.client().insert_rows_json(full.id, [{"subject": "a"}])
    with pytest.raises(BigQueryError, match=r"without an owner.*zap_owner:shop"):
        ensure_table(client, full, owned)


def test_a_dataset_that_is_missing_is_told(bigquery: BigQueryServer) -> None:
    name = parse_table(f"bigquery://{PROJECT}.nowhere.t")
    with pytest.raises(BigQueryError, match=r"notFound.*a dataset must exist"):
        ensure_table(rest_client(PROJECT), name, SPEC)


@pytest.mark.parametrize(
    ("status", "reason", "fix"),
    [
        (403, "accessDenied", "Ask for the roles"),
        (403, "quotaExceeded", "Wait until the quota"),
        (403, "billingNotEnabled", "Link the project"),
        (400, "somethingNew", "See what BigQuery says"),
    ],
)
def test_what_the_service_refuses_is_told_with_a_fix(
    bigquery: BigQueryServer, status: int, reason: str, fix: str
) -> None:
    name = named(bigquery)
    bigquery.fail(
        {"match": "GET .*/tables/t", "when": "before", "status": status}
        | {"reason": reason, "message": "No, because."}
    )
    with pytest.raises(BigQueryError, match=fix) as raised:
        ensure_table(rest_client(PROJECT), name, SPEC)
    assert f"reason={reason!r}" in str(raised.value)
    assert name.url in str(raised.value)
    assert "No, because" in str(raised.value)


def test_what_passes_by_itself_is_tried_again(bigquery: BigQueryServer) -> None:
    name = named(bigquery)
    lost = {"match": "POST .*/tables", "when": "after", "status": 503}
    broken = {"match": "GET .*/tables/t", "when": "before", "status": 0}
    bigquery.fail(broken, lost)
    assert ensure_table(rest_client(PROJECT), name, SPEC).num_rows == 0


def test_a_list_of_lists_has_no_like() -> None:
    nested = pa.schema([("x", pa.list_(pa.list_(pa.int64())))])
    with pytest.raises(BigQueryError, match="list of lists"):
        columns_of(nested)
    with pytest.raises(BigQueryError, match="'d' of type"):
        columns_of(pa.schema([("d", pa.duration("us"))]))


def test_labels_tell_names_apart_that_differ_in_case() -> None:
    names = ["shop", "Shop", "SHOP", "a" * 64, "a" * 63 + "b"]
    labels = [label_of(name) for name in names]
    assert labels[0] == "shop"
    assert len(set(labels)) == len(names)
    assert all(len(x) <= 63 and x == x.lower() for x in labels)
