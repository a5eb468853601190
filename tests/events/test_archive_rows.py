"""The archive read beside JSON Lines of the same events, and what it need not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.collect.archive.rows import archive_batch
from zap.errors import MappingError
from zap.events.archive_rows import SCHEMA, read_archived
from zap.events.mapping import EventMapping
from zap.events.reading import ReadBatch, read_source
from zap.events.sources import list_sources

NOW = 1_709_287_200_000_000
PROPERTIES = {
    "total": {"column": "properties.total", "type": "float"},
    "plan": "traits.plan",
    "dotted": "properties.a.b",
    "top": "extra",
    "quoted": 'properties.a"ü',
}
MAPPING = EventMapping.from_dict({"format": "archive", "properties": PROPERTIES})
TEXTS = ("event_id", "anonymous_id", "user_id", "url", "referrer", "user_agent", "type")
LINES = EventMapping.from_dict(
    {
        "format": "jsonl",
        "fields": {
            **{name: name for name in TEXTS},
            **{n: {"column": n, "unit": "us"} for n in ("timestamp", "received_at")},
        },
        "properties": PROPERTIES,
    }
)
"""The same events as lines of JSON, by a mapping written out."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text('aü"\\\n/ 1', max_size=4),
    st.sampled_from(["17", "1.50", "total", '"total":3']),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["b", "total", 'a"ü']), inner, max_size=2),
    ),
    max_leaves=4,
)
KEYS = ["total", "plan", "a", "a.b", "b", 'a"ü', "other"]
OBJECTS = st.one_of(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3), VALUES)
EVENTS = st.fixed_dictionaries(
    {
        "event_id": st.uuids().map(str),
        "timestamp": st.integers(NOW - 10**9, NOW),
        "received_at": st.just(NOW),
        "type": st.sampled_from(["page_view", "Order Completed"]),
    },
    optional={
        "anonymous_id": st.one_of(st.none(), st.text(max_size=3), st.integers(0, 99)),
        "user_id": st.text("ab", max_size=2),
        "url": st.just("https://shop.example/"),
        "properties": OBJECTS,
        "traits": OBJECTS,
        "extra": VALUES,
        "properties.total": SCALARS,
    },
)


def as_read(event: dict[str, Any]) -> dict[str, Any]:
    """An event as it comes out of the spool."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(event, default=str))
    return found


def read(path: Path, mapping: EventMapping) -> list[ReadBatch]:
    (source,) = list_sources([str(path)], mapping)
    return list(read_source(source, mapping))


def seen(batches: list[ReadBatch]) -> list[dict[str, Any]]:
    """The events without what tells of the file."""
    hidden = ("source", "row", "sequence")
    return [
        {name: value for name, value in event.items() if name not in hidden}
        for batch in batches
        for event in batch.events.to_pylist()
    ]


def reasons(batches: list[ReadBatch]) -> list[tuple[int, str]]:
    return [(letter.line, letter.reason) for b in batches for letter in b.dead]


@settings(max_examples=150)
@given(events=st.lists(EVENTS, min_size=1, max_size=6))
def test_an_archive_reads_as_lines_of_json_do(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    # Whole numbers beyond 64 bits are no JSON of ours; the rest of them goes through.
    events = [as_read(event) for event in events if _fits(event)]
    if not events:
        return
    lines = folder / "events.jsonl"
    lines.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    batch = archive_batch([*enumerate(events)])
    pq.write_table(pa.Table.from_batches([batch]), folder / "0-9.parquet")
    expected = read(lines, LINES)
    found = read(folder / "0-9.parquet", MAPPING)
    in_memory = read_archived(batch, MAPPING)
    assert seen(found) == seen(expected) == seen([in_memory])
    assert reasons(found) == reasons(expected) == reasons([in_memory])
    assert found[0].counts == expected[0].counts == in_memory.counts
    sequence = in_memory.events.column("sequence").to_pylist()
    assert sequence == in_memory.events.column("row").to_pylist()


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value, default=str)
    except TypeError:
        return False
    return True


def test_canonical_fields_alone_never_read_the_data(tmp_path: Path) -> None:
    events = [{"event_id": "0", "timestamp": NOW, "type": "x", "p": "y" * 1_000}]
    path = tmp_path / "0-1.parquet"
    table = pa.Table.from_batches([archive_batch([*enumerate(events)])])
    pq.write_table(table, path, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    at = content.index(b'{"p":"yyy')
    content[at - 40 : at + 1_000] = bytes(1_040)  # the data's pages are no pages now
    path.write_bytes(content)
    plain = EventMapping.from_dict({"format": "archive"})
    (batch,) = read(path, plain)
    assert batch.events.column("event_id").to_pylist() == ["0"]


def test_what_fits_no_column_is_kept_beside() -> None:
    odd = {"event_id": ["x"], "timestamp": "today", "type": {}, "received_at": 2**63}
    event = {**odd, "user_id": 7, "anonymous_id": True, "url": 1.0}
    batch = archive_batch([(5, event)])
    (row,) = batch.to_pylist()
    assert (row["user_id"], row["anonymous_id"], row["url"]) == ("7", "true", "1")
    assert all(row[name] is None for name in odd)
    assert orjson.loads(row["data"]) == odd
    read = read_archived(batch, EventMapping.from_dict({"format": "archive"}))
    assert [letter.reason for letter in read.dead] == ["timestamp.missing"]


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"timestamp": [1], "hello": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(MappingError, match="event_id"):
        read(tmp_path / "a.parquet", MAPPING)


def test_data_that_is_no_json_makes_a_row_bad() -> None:
    texts = ['{"traits":{"plan":"x"}}', '{"plan":', '"plan"', '[{"plan":1}]', None]
    columns = {
        "timestamp": pa.array([NOW] * 5, SCHEMA.field("timestamp").type),
        "type": pa.array(["x"] * 5),
        "data": pa.array(texts),
    }
    arrays = [
        columns.get(each.name, pa.nulls(5, each.type)).cast(each.type)
        for each in SCHEMA
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
    read = read_archived(batch, MAPPING)
    assert read.events.column("plan").to_pylist() == ["x", None]
    assert [letter.line for letter in read.dead] == [2, 3, 4]
    assert {letter.reason for letter in read.dead} == {"json.invalid"}
