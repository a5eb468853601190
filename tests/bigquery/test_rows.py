"""Rows of tables as events: each type that a mapping can name, and what fits none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from bigquery_gaps import Gaps
from bigquery_server import BigQueryServer
from bigquery_tables import make_table

from zap.errors import MappingError
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import Source, list_sources
from zap.events.splitting import narrowed, parts_of

COLUMNS = {
    "id": ("INT64", "1", "2"),
    "text": ("STRING", "'Ünïcode'", "''"),
    "real": ("FLOAT64", "1.5", "CAST('nan' AS FLOAT64)"),
    "truth": ("BOOL", "TRUE", "NULL"),
    "instant": (
        "TIMESTAMP",
        "TIMESTAMP '2024-03-02 03:04:05.123456+00'",
        "TIMESTAMP '2024-03-02 00:00:00+00'",
    ),
    "local": ("DATETIME", "DATETIME '2024-07-02 12:00:00.5'", "NULL"),
    "day": ("DATE", "DATE '2024-03-02'", "NULL"),
    "clock": ("TIME", "TIME '12:34:56.789'", "NULL"),
    "price": ("NUMERIC", "NUMERIC '12.345'", "NUMERIC '3'"),
    "said": ("JSON", """JSON '{"a": [1, "x"]}'""", "NULL"),
    "raw": ("BYTES", "b'abc'", "FROM_HEX('ff')"),
    "span": ("INTERVAL", "INTERVAL 1 DAY", "NULL"),
    "micros": ("INT64", "1709348645123456", "NULL"),
    "many": ("ARRAY<INT64>", "[1, 2]", "[]"),
    "device": (
        "STRUCT<name STRING, os STRUCT<version INT64>>",
        "STRUCT('phone' AS name, STRUCT(7 AS version) AS os)",
        "NULL",
    ),
}


@pytest.fixture(scope="module")
def table(bigquery_server: BigQueryServer) -> str:
    name = bigquery_server.new_dataset() + ".kinds"
    columns = ", ".join(f"{name} {kind}" for name, (kind, *_) in COLUMNS.items())
    rows = [", ".join(each[row] for each in COLUMNS.values()) for row in (1, 2)]
    client = bigquery_server.client()
    client.query(f"CREATE TABLE `{name}` ({columns})").result()
    values = ", ".join(f"({row})" for row in rows)
    client.query(
        f"INSERT INTO `{name}` ({', '.join(COLUMNS)}) VALUES {values}"
    ).result()
    return f"bigquery://{name}"


def mapping_of(properties: dict[str, Any], **more: Any) -> EventMapping:
    fields = {
        "event_id": "id",
        "anonymous_id": {"constant": "a"},
        "timestamp": "instant",
        "type": {"constant": "view"},
    }
    return EventMapping.from_dict(
        {
            "fields": {**fields, **more.pop("fields", {})},
            "properties": properties,
            **more,
        }
    )


def read(table: str, mapping: EventMapping) -> tuple[list[dict[str, Any]], list[Any]]:
    """Events by their ids, and dead letters, over streams as a job has them."""
    (source,) = narrowed(list_sources([table], mapping), mapping, None)
    events, dead = [], []
    for part in parts_of(source, 1):
        for batch in read_source(part, mapping):
            events += batch.events.to_pylist()
            dead += batch.dead
    return sorted(events, key=lambda each: each["event_id"]), dead


def test_every_type_that_has_a_text_or_a_number(gaps: Gaps, table: str) -> None:
    kinds: dict[str, Any] = {
        "text": "string",
        "real": "float",
        "truth": "bool",
        "clock": "string",
        "price": "float",
        "said": "string",
        "day": "timestamp",
        "local": "timestamp",
    }
    properties: dict[str, Any] = {
        f"p_{name}": {"column": name, "type": kind} for name, kind in kinds.items()
    }
    properties["p_priced"] = {"column": "price"}
    properties["p_dated"] = {"column": "day"}
    properties["p_micros"] = {"column": "micros", "type": "timestamp", "unit": "us"}
    properties["p_device"] = {"column": "device.name"}
    properties["p_version"] = {"column": "device.os.version", "type": "int"}
    mapping = mapping_of(properties, timezone="Europe/Berlin")
    (first, second), dead = read(table, mapping)
    assert not dead
    assert first["timestamp"] == datetime(2024, 3, 2, 3, 4, 5, 123456, UTC)
    found = {n.removeprefix("p_"): v for n, v in first.items() if n.startswith("p_")}
    assert found == {
        "text": "Ünïcode",
        "real": 1.5,
        "truth": True,
        "clock": "12:34:56.789000",
        "price": 12.345,
        "said": '{"a":[1,"x"]}',
        "day": datetime(2024, 3, 1, 23, tzinfo=UTC),  # midnight in Berlin
        "local": datetime(2024, 7, 2, 10, 0, 0, 500_000, UTC),
        "priced": "12.345",
        "dated": "2024-03-02",
        "micros": datetime(2024, 3, 2, 3, 4, 5, 123456, UTC),
        "device": "phone",
        "version": 7,
    }
    assert {
        n: v for n, v in second.items() if n.startswith("p_") and v is not None
    } == {
        "p_price": 3.0,
        "p_priced": "3",
    }
    selected = gaps.sessions[-1].read_session.read_options.selected_fields
    assert "device.name" in selected and "device.os.version" in selected
    assert not {"device", "span", "many", "raw"} & {*selected}


def test_bytes_that_are_no_text_are_bad_rows(gaps: Gaps, table: str) -> None:
    events, (letter,) = read(table, mapping_of({"raw": "raw"}))
    assert [each["raw"] for each in events] == ["abc"]
    assert letter.reason == "not_utf8" and letter.source == table
    assert '"id": 2' in letter.raw


@pytest.mark.parametrize("name", ["span", "many", "device"])
def test_what_is_no_single_value_is_refused(gaps: Gaps, table: str, name: str) -> None:
    with pytest.raises(MappingError, match=rf"{name}.*Name a leaf"):
        read(table, mapping_of({"wrong": name}))


@pytest.mark.parametrize(
    ("column", "words"),
    [("truth", "truth=bool"), ("micros", "unit"), ("clock", "time64")],
)
def test_a_type_that_is_no_time_is_refused(
    gaps: Gaps, table: str, column: str, words: str
) -> None:
    mapping = mapping_of({}, fields={"timestamp": column})
    with pytest.raises(MappingError, match=words):
        read(table, mapping)


def test_a_missing_column_is_told_before_anything_is_read(
    gaps: Gaps, table: str
) -> None:
    for name in ("pricee", "device.nam", "device.os.x"):
        with pytest.raises(MappingError, match=rf"{name}.*kinds.*Change the name"):
            read(table, mapping_of({"wrong": name}))
    assert not gaps.sessions and not gaps.reads


def test_a_batch_does_not_decide_what_a_row_is(gaps: Gaps, table: str) -> None:
    mapping = mapping_of({"text": "text"})
    (source,) = list_sources([table], mapping)
    gaps.message_rows = 1
    whole = [e for b in read_source(source, mapping) for e in b.events.to_pylist()]
    ones = [
        e for b in read_source(source, mapping, None, 1) for e in b.events.to_pylist()
    ]
    assert len(whole) == 2 and whole == ones
    assert {each["source"] for each in whole} == {"content"}
    assert len({each["row"] for each in whole}) == 2


def test_a_format_that_no_table_has_is_refused(gaps: Gaps, table: str) -> None:
    with pytest.raises(MappingError, match=r"format='segment'.*ga4"):
        list_sources([table], EventMapping.from_dict({"format": "segment"}))


def source_of(table: str) -> Source:
    (source,) = list_sources([table], mapping_of({}))
    return source


def test_a_change_of_the_table_changes_its_digest(
    gaps: Gaps, bigquery: BigQueryServer
) -> None:
    name = bigquery.new_dataset() + ".changed"
    rows = pa.table({"id": ["1", "2"], "instant": [date(2024, 3, 1), date(2024, 3, 2)]})
    table = make_table(bigquery, name, rows)
    first = source_of(table)
    assert source_of(table).digest == first.digest
    limited = source_of(f"{table}?until=2024-03-02")
    bigquery.client().delete_table(name)
    changed = source_of(make_table(bigquery, name, rows.slice(1)))
    assert len({first.digest, limited.digest, changed.digest}) == 3
