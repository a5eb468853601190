"""GA4's export: Parquet and JSON Lines held against a plain loop over its rows."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import made_exports as made
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.errors import MappingError
from zap.events import ga4_parquet
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import split_source
from zap.events.reading import read_source
from zap.events.sources import list_sources

COLUMNS = {
    "value": "params.value",
    "odd": "params.a.b",
    "plan": "user_properties.plan",
    "item": "items.item_id",
    "price": "items.price",
    "items": "items.count",
    "device": "device.category",
    "browser": "device.web_info.browser",
    "revenue": "ecommerce.purchase_revenue",
    "id": "id",
    "order": "order",
}


def mapping_of(properties: Any = COLUMNS) -> EventMapping:
    return EventMapping.from_dict({"format": "ga4", "properties": properties})


def read(path: Path, mapping: EventMapping):
    """All events of a file as dicts, and its dead letters."""
    (source,) = list_sources([str(path)], mapping)
    events, dead = [], []
    for part in split_source(source, 7):
        for batch in read_source(part, mapping):
            events += batch.events.to_pylist()
            dead += batch.dead
    return events, dead


def write_both(folder: Path, rows: list[dict[str, Any]]) -> tuple[Path, Path]:
    """The rows as BigQuery would export them, in both of its forms."""
    parquet, lines = folder / "events.parquet", folder / "events.json"
    table = pa.Table.from_pylist(rows, made.GA4_SCHEMA)
    pq.write_table(table, parquet, row_group_size=3)
    texts = [json.dumps(json_form(row), ensure_ascii=False) for row in rows]
    lines.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return parquet, lines


def json_form(value: Any) -> Any:
    """As ``as_bigquery_json``, with the floats that JSON has no form for as texts."""
    if isinstance(value, dict):
        return {k: json_form(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [json_form(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return str(value) if isinstance(value, int) else value


def text(value: Any) -> str | None:
    """The text of a cell, in plain Python."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, float):
        return (
            str(int(value))
            if value.is_integer() and abs(value) < 2**53
            else repr(value)
        )
    return str(value)


def by_hand(row: dict[str, Any]) -> dict[str, str | None]:
    """The properties of a row, by a plain loop."""

    def keyed(name: str, key: str) -> Any:
        for pair in row.get(name) or []:
            if pair["key"] == key:
                given = [v for v in pair["value"].values() if v is not None and v == v]
                return given[0] if given else None
        return None

    items = row.get("items") or []
    first = items[0] if items else {}
    page, request, place = (
        row.get(f"batch_{name}") for name in ("page_id", "ordering_id", "event_index")
    )
    parts = [row["user_pseudo_id"], row["event_timestamp"], row["event_name"]]
    parts += [row["event_bundle_sequence_id"], page, request, place]
    whole = None not in parts
    device = row.get("device") or {}
    order = None
    if None not in (page, request, place) and 0 <= page < 2**41:
        order = page * 2**22 + min(request, 2047) * 2**11 + min(place, 2047)
    return {
        "value": text(keyed("event_params", "value")),
        "odd": text(keyed("event_params", "a.b")),
        "plan": text(keyed("user_properties", "plan")),
        "item": text(first.get("item_id")),
        "price": text(first.get("price")),
        "items": text(len(items)),
        "device": text(device.get("category")),
        "browser": text((device.get("web_info") or {}).get("browser")),
        "revenue": text((row.get("ecommerce") or {}).get("purchase_revenue")),
        "id": "/".join(map(str, parts)) if whole else None,
        "order": text(order),
    }


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
INTS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.one_of(
    st.floats(),
    st.sampled_from([1e-5, 123456789012.5, 1e16, 2.0**53, 0.1, -0.0, 5e-324, 1e22]),
)
VALUE = st.one_of(
    TEXTS.map(lambda v: {"string_value": v}),
    INTS.map(lambda v: {"int_value": v}),
    FLOATS.map(lambda v: {"float_value": v}),
    FLOATS.map(lambda v: {"double_value": v}),
    st.just({}),
)
PAIRS = st.lists(
    st.fixed_dictionaries(
        {"key": st.sampled_from(["value", "a.b", "plan", "x"]), "value": VALUE}
    ),
    max_size=5,
)
ITEM = st.fixed_dictionaries(
    {
        "item_id": st.sampled_from(["s", None, "ü"]),
        "price": st.integers(0, 10**6).map(lambda n: n / 100),
        "quantity": st.integers(1, 9),
    }
)
SMALL = st.one_of(st.none(), st.integers(0, 5_000))
ROW = st.fixed_dictionaries(
    {
        "event_timestamp": st.integers(1_600_000_000_000_000, 1_800_000_000_000_000),
        "event_name": st.sampled_from(["page_view", "purchase"]),
        "event_params": PAIRS,
        "event_bundle_sequence_id": st.integers(-9, 9),
        "user_pseudo_id": st.sampled_from(["1.2", "3.4", None]),
        "user_properties": PAIRS,
        "device": st.sampled_from(
            [None, {"category": "mobile"}, {"web_info": {"browser": "Firefox"}}]
        ),
        "ecommerce": st.one_of(
            st.none(),
            st.integers(0, 10**6).map(lambda n: {"purchase_revenue": n / 100}),
        ),
        "items": st.one_of(st.none(), st.lists(ITEM, max_size=3)),
        "batch_page_id": st.one_of(st.none(), st.sampled_from([1, 2**41, 2**41 - 1])),
        "batch_ordering_id": SMALL,
        "batch_event_index": SMALL,
    }
)


@settings(max_examples=50)
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_both_forms_give_what_a_plain_loop_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    for path in write_both(tmp_path_factory.mktemp("ga4"), rows):
        events, dead = read(path, mapping_of())
        assert not dead
        for event, row in zip(events, rows, strict=True):
            assert {name: event[name] for name in COLUMNS} == by_hand(row)
            assert event["type"] == row["event_name"]
            assert event["timestamp"].timestamp() * 1e6 == pytest.approx(
                row["event_timestamp"], abs=1
            )
            assert event["sequence"] == (
                None if event["order"] is None else int(event["order"])
            )


EVENTS = made.made_events(15)
WRITERS = [made.write_ga4_json, made.write_ga4_parquet]


@pytest.mark.parametrize("write", WRITERS)
def test_an_export_of_a_site_needs_one_line_of_mapping(
    tmp_path: Path, write: Any
) -> None:
    path = write(tmp_path / "events_20240301", EVENTS)
    events, dead = read(path, mapping_of({}))
    assert not dead
    names = [name for name in made.PLAIN_FIELDS if name not in made.GA4_LACKS]
    for event, row in zip(events, EVENTS, strict=True):
        assert {name: event[name] for name in names} == {
            name: row[name] for name in names
        }
        assert event["event_id"] is None


@pytest.mark.parametrize("batch_rows", [1, 3, 16_384])
def test_batches_of_any_size_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    path = made.write_ga4_parquet(tmp_path / "events", EVENTS)
    whole, _ = read(path, mapping_of())
    monkeypatch.setattr(ga4_parquet, "BATCH_ROWS", batch_rows)
    assert read(path, mapping_of())[0] == whole


def test_only_what_is_named_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made.write_ga4_parquet(tmp_path / "events", EVENTS)
    asked: list[str] = []
    read_batches = ga4_parquet.read_batches

    def watch(source: Any, choose: Any, batch_rows: int) -> Any:
        def chosen(parquet: Any) -> Any:
            columns, coded = choose(parquet)
            asked.extend(columns)
            return columns, coded

        return read_batches(source, chosen, batch_rows)

    monkeypatch.setattr(ga4_parquet, "read_batches", watch)
    read(path, mapping_of({"price": "items.price"}))
    assert "items.list.element.price" in asked
    assert not {each for each in asked if "quantity" in each or "device" in each}
    assert "user_properties" not in " ".join(asked)


@pytest.mark.parametrize("write", WRITERS)
def test_an_older_export_has_no_numbers_of_batches(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "events.parquet"
    table = pa.Table.from_pylist([made.ga4_row(one) for one in EVENTS], made.GA4_SCHEMA)
    names = [n for n in table.column_names if not n.startswith("batch_")]
    pq.write_table(table.select(names), path)
    events, dead = read(path, mapping_of({}))
    assert not dead and {event["sequence"] for event in events} == {None}


def test_lists_without_their_annotation_are_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    table = pa.Table.from_pylist([made.ga4_row(one) for one in EVENTS], made.GA4_SCHEMA)
    pq.write_table(table, path, use_compliant_nested_type=False)
    expected = made.write_ga4_parquet(tmp_path / "compliant", EVENTS)
    both = [read(each, mapping_of())[0] for each in (path, expected)]
    for event in both[0] + both[1]:
        del event["source"]  # the files' own digests
    assert both[0] == both[1] and len(both[0]) == len(EVENTS)


@pytest.mark.parametrize("column", ["device.colour", "items.colour", "colour"])
def test_a_column_that_an_export_lacks_is_refused(tmp_path: Path, column: str) -> None:
    path = made.write_ga4_parquet(tmp_path / "events", EVENTS)
    with pytest.raises(MappingError, match=f"column='{column}'"):
        read(path, mapping_of({"x": column}))


GOOD = {
    "event_timestamp": "1709300000000000",
    "event_name": "page_view",
    "user_pseudo_id": "1.2",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event_timestamp": "soon"}, "timestamp.unparsable"),
        ({"event_timestamp": None}, "timestamp.missing"),
        ({"event_timestamp": "1709300000"}, ""),
        ({"event_timestamp": "1709300000000000000"}, "timestamp.out_of_range"),
        ({"event_name": ""}, "type.missing"),
        ({"event_params": {"key": "value"}}, "json.not_scalar"),
        ({"event_params": [1]}, "json.not_scalar"),
        ({"event_params": [{"key": [1]}]}, "json.not_scalar"),
        ({"event_params": [{"key": "a", "value": {"double_value": "x"}}]}, "json.not_"),
        ({"items": [{"item_id": {"a": 1}}]}, "json.not_scalar"),
        ({"items": "none"}, "json.not_scalar"),
    ],
)
def test_a_bad_line_is_kept_under_its_reason(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "events_20240301.json"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in (GOOD, GOOD | change)))
    events, dead = read(path, mapping_of())
    assert len(events) + len(dead) == 2
    assert [letter.line for letter in dead] == ([2] if reason else [])
    assert all(letter.reason.startswith(reason) for letter in dead)


def test_a_number_too_large_or_none_is_no_float(tmp_path: Path) -> None:
    rows = [
        {**GOOD, "event_timestamp": 1, "event_bundle_sequence_id": 1}
        | {"event_params": [{"key": "value", "value": {"double_value": value}}]}
        for value in (math.inf, math.nan, 2.5)
    ]
    mapping = mapping_of({"value": {"column": "params.value", "type": "float"}})
    for path in write_both(tmp_path, rows):
        events, dead = read(path, mapping)
        assert [event["value"] for event in events] == [None, 2.5]
        assert [letter.reason for letter in dead] == ["property.value.not_finite"]
