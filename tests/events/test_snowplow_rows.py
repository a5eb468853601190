"""Snowplow's enriched events, held against Snowplow's own SDK, and odd lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import made_exports as made
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snowplow_analytics_sdk.event_transformer import (
    ENRICHED_EVENT_FIELD_TYPES,
    convert_string,
    transform,
)

from zap.errors import MappingError
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.snowplow_columns import COLUMNS
from zap.events.snowplow_rows import read_snowplow
from zap.events.sources import list_sources

MAPPING = EventMapping.from_dict({"format": "snowplow"})
EVENTS = made.made_events(20)


def cells_of(path: Path, columns, batch_rows: int = 65_536):
    """Cells by column as texts or None, the lines, and the dead letters."""
    (source,) = list_sources([str(path)], MAPPING)
    found: dict[str, list[str | None]] = {name: [] for name in columns}
    lines, bad = [], []
    for rows in read_snowplow(source, MAPPING, columns, batch_rows):
        for name in columns:
            for cell in rows.columns[name].to_pylist():
                found[name].append(cell.decode() if isinstance(cell, bytes) else cell)
        lines += rows.lines.tolist()
        bad += rows.bad
    return found, lines, bad


def write(folder: Path, *cells: dict[int, str]) -> Path:
    path = folder / "enriched.tsv"
    lines = [made.snowplow_line(each) for each in cells]
    path.write_bytes("".join(lines).encode())
    return path


def event(folder: Path, cells: dict[int, str], properties: Any = None):
    """The event of one line, or its dead letter."""
    mapping = {"format": "snowplow", "properties": properties or {}}
    path = write(folder, cells)
    checked = EventMapping.from_dict(mapping)
    (source,) = list_sources([str(path)], checked)
    (batch,) = read_source(source, checked)
    assert batch.counts["rows.read"] == 1
    return batch.dead[0] if batch.dead else batch.events.to_pylist()[0]


PAGE = made.snowplow_cells(EVENTS[0])


def test_the_columns_are_those_of_snowplow() -> None:
    theirs = [name for name, _ in ENRICHED_EVENT_FIELD_TYPES]
    # The SDK's one name that the table in the warehouse does not have.
    theirs[theirs.index("refr_device_tstamp")] = "refr_dvce_tstamp"
    assert list(COLUMNS) == theirs and len(COLUMNS) == 131


TEXT_PLACES = [
    place
    for place, (name, convert) in enumerate(ENRICHED_EVENT_FIELD_TYPES)
    if convert is convert_string
]
CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\t\n\r\0"), min_size=1, max_size=8
)


@settings(max_examples=40)
@given(
    lines=st.lists(
        st.dictionaries(st.sampled_from(TEXT_PLACES), CELL, max_size=12),
        min_size=1,
        max_size=12,
    )
)
def test_texts_are_those_of_the_sdk(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[int, str]]
) -> None:
    path = write(tmp_path_factory.mktemp("tsv"), *lines)
    names = [COLUMNS[place] for place in TEXT_PLACES]
    found, numbers, bad = cells_of(path, names, batch_rows=5)
    assert not bad and numbers == list(range(1, len(lines) + 1))
    for place, line in enumerate(lines):
        expected = transform(made.snowplow_line(line).rstrip("\n"))
        mine = {name: found[name][place] for name in names}
        assert {n: v for n, v in mine.items() if v is not None} == {
            n: v for n, v in expected.items() if n in mine
        }


def test_leaves_of_json_are_those_of_the_sdk(tmp_path: Path) -> None:
    path = made.write_snowplow(tmp_path / "e.tsv", EVENTS)
    columns = [
        "unstruct.total",
        "contexts.com.shop/product.sku",
        "contexts.com.snowplowanalytics.snowplow/web_page.id",
        "contexts.com.shop/nobody.id",
    ]
    found, _, bad = cells_of(path, columns)
    assert not bad
    known = 0
    for place, line in enumerate(path.read_text().splitlines()):
        theirs = transform(line)
        own = theirs.get("unstruct_event_com_shop_x_1", {})
        product = theirs.get("contexts_com_shop_product_2", [{}])[0]
        total = own.get("total")
        known += total is not None
        number = found[columns[0]][place]
        assert (None if number is None else float(number)) == total
        assert found[columns[1]][place] == product.get("sku")
        assert found[columns[2]][place] == "p1"
        assert found[columns[3]][place] is None
    assert known > 3


def test_an_export_of_a_site_needs_one_line_of_mapping(tmp_path: Path) -> None:
    path = made.write_snowplow(tmp_path / "e.tsv", EVENTS)
    (source,) = list_sources([str(path)], MAPPING)
    (batch,) = read_source(source, MAPPING)
    assert batch.counts == {"rows.read": len(EVENTS), "events.read": len(EVENTS)}
    for found, row in zip(batch.events.to_pylist(), EVENTS, strict=True):
        assert {name: found[name] for name in made.PLAIN_FIELDS} == {
            name: row[name] for name in made.PLAIN_FIELDS
        }


@pytest.mark.parametrize(
    ("change", "field", "wanted"),
    [
        ({124: ""}, "timestamp", EVENTS[0]["received_at"]),
        ({126: ""}, "type", "page_view"),
        ({5: "struct", 126: "event", 54: "add-to-basket"}, "type", "add-to-basket"),
        ({5: "struct", 126: "event", 54: ""}, "type", "struct"),
        ({5: "unstruct", 126: "link_click"}, "type", "link_click"),
        ({12: ""}, "user_id", None),
        ({77: 'says "hello'}, "user_agent", 'says "hello'),
    ],
)
def test_a_field_of_an_event(
    tmp_path: Path, change: dict[int, str], field: str, wanted: Any
) -> None:
    assert event(tmp_path, PAGE | change)[field] == wanted


def test_structured_events_and_times_as_properties(tmp_path: Path) -> None:
    cells = PAGE | {53: "shop", 57: "12.5", 130: "2024-03-01 10:00:00"}
    properties = {
        "category": "se_category",
        "value": {"column": "se_value", "type": "float"},
        "true": {"column": "true_tstamp", "type": "timestamp"},
    }
    found = event(tmp_path, cells, properties)
    assert (found["category"], found["value"]) == ("shop", 12.5)
    assert found["true"].isoformat() == "2024-03-01T10:00:00+00:00"


SKU = {"sku": "contexts.com.shop/product.sku", "size": "unstruct.size"}


def outer(data: Any) -> str:
    return json.dumps({"schema": "iglu:a/b/jsonschema/1-0-0", "data": data})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({52: '{"schema": '}, "json.invalid"),
        ({52: "[]"}, "json.shape"),
        ({52: outer({})}, "json.shape"),
        ({52: outer([{"schema": "other", "data": {}}])}, "json.shape"),
        ({52: outer([17])}, "json.shape"),
        ({58: "oops"}, "json.invalid"),
        ({58: outer([])}, "json.shape"),
        ({58: outer({"schema": "x"})}, "json.shape"),
        ({58: outer({"data": {"size": [1]}})}, "json.not_scalar"),
        ({124: "last week"}, "timestamp.unparsable"),
        ({5: "", 126: ""}, "type.missing"),
    ],
)
def test_a_bad_line_is_kept_under_its_reason(
    tmp_path: Path, change: dict[int, str], reason: str
) -> None:
    letter = event(tmp_path, PAGE | change, SKU)
    assert (letter.reason, letter.line) == (reason, 1)
    assert letter.raw == made.snowplow_line(PAGE | change).rstrip("\n")


@pytest.mark.parametrize("broken", [52, 58])
def test_json_that_no_column_needs_is_not_read(tmp_path: Path, broken: int) -> None:
    assert event(tmp_path, PAGE | {broken: "{"})["type"] == EVENTS[0]["type"]


def test_lines_of_another_width_do_not_hurt_their_neighbours(tmp_path: Path) -> None:
    good = made.snowplow_line(PAGE | {52: outer([]), 0: "größe"})
    path = tmp_path / "enriched.tsv"
    torn = good.replace("\t", "", 1)
    bad_json = made.snowplow_line(PAGE | {52: "{"})
    path.write_text("".join([good, torn, bad_json, good, "\t" + good]))
    found, lines, bad = cells_of(path, ["app_id", *SKU.values()])
    assert lines == [1, 4] and found["app_id"] == ["größe", "größe"]
    reasons = {letter.line: letter.reason for letter in bad}
    assert reasons == {
        2: "snowplow.columns",
        3: "json.invalid",
        5: "snowplow.columns",
    }
    details = " ".join(letter.detail for letter in bad)
    assert "131 cells. Received: cells=130" in details and "cells=132" in details


@pytest.mark.parametrize(
    "column", ["page_urI", "contexts.product.sku", "unstruct", "contexts.a/b"]
)
def test_a_column_that_no_event_has_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(MappingError, match=re.escape(f"column={column!r}")):
        event(tmp_path, PAGE, {"x": column})
