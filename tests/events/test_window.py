"""A copied window holds the events of the window, and reads as they did."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from made_rows import FIRST, made_rows, write_files
from made_run import MAPPING

from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.events.window import column_of, copy_window, window_mapping
from zap.times import DAY_US, instant_us, iso

FROM, UNTIL = instant_us(FIRST) + 5 * DAY_US, instant_us(FIRST) + 9 * DAY_US


def table_of(paths: list[str], mapping: EventMapping) -> pa.Table:
    batches = [
        read.events
        for source in list_sources(paths, mapping)
        for read in read_source(source, mapping)
    ]
    return pa.Table.from_batches(batches)


def test_the_copy_reads_as_the_window_of_the_raw_events(tmp_path: Path) -> None:
    mapping = EventMapping.load(MAPPING)
    paths = write_files(tmp_path / "raw", made_rows(100))
    seen: list[int] = []
    folder = tmp_path / "copy"
    folder.mkdir()
    sources = list_sources(paths, mapping)
    found = copy_window(
        sources, mapping, FROM, UNTIL, folder, lambda events: seen.append(len(events))
    )
    copied = window_mapping(mapping, FROM, UNTIL)
    raw, again = (
        table_of(p, m).drop_columns(["source", "row"]).sort_by("event_id")
        for p, m in ((paths, mapping), ([str(folder)], copied))
    )
    times = raw.column("timestamp").cast(pa.int64()).to_numpy()
    inside = raw.filter(pa.array((times >= FROM) & (times < UNTIL)))
    assert again.equals(inside) and 0 < len(inside) < len(raw)
    assert sum(seen) == len(inside)
    assert found.counts["events.outside"] == len(raw) - len(inside)


def test_the_mapping_of_a_copy_says_its_window(tmp_path: Path) -> None:
    mapping = window_mapping(EventMapping.load(MAPPING), FROM, UNTIL)
    assert mapping.observed is not None
    assert (mapping.observed.start, mapping.observed.until) == (iso(FROM), iso(UNTIL))
    assert mapping.properties["cart"].column == column_of(0)
    again = EventMapping.from_dict(mapping.to_dict())
    assert again.digest() == mapping.digest()


@pytest.mark.parametrize("name", ["retail", "cdnow", "shop", "recipe_boxes"])
def test_shipped_mappings_have_copies(name: str) -> None:
    folder = Path(__file__).parents[2] / "generators"
    mapping = EventMapping.load(folder / f"{name}.toml")
    copied = window_mapping(mapping, FROM, UNTIL)
    assert copied.property_types() == mapping.property_types()
    assert (copied.row_group_key is None) == (mapping.row_group_key is None)


def test_the_copy_of_a_table_has_no_order_of_its_own() -> None:
    mapping = EventMapping.from_dict(
        {"fields": {"user_id": "u", "timestamp": "t", "type": "k"}}
    )
    for inputs, ties in ((("a.csv",), None), (("bigquery://a-b-c-d.e.f",), "content")):
        assert window_mapping(mapping, 0, 86_400_000_000, inputs).ties == ties
