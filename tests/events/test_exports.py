"""What holds for the names of all exports: ready mappings, and GA4's tables by day."""

from __future__ import annotations

from pathlib import Path

import made_exports as made
import pytest

from zap.errors import InputError, MappingError
from zap.events.exports import EXPORTS
from zap.events.mapping import EventMapping
from zap.events.reading import READERS
from zap.events.sources import list_sources
from zap.events.specs import FORMATS
from zap.events.window import window_mapping


@pytest.mark.parametrize("name", EXPORTS)
def test_a_name_is_enough_for_a_mapping(name: str) -> None:
    mapping = EventMapping.from_dict({"format": name})
    assert {"timestamp", "type"} <= set(mapping.fields)
    assert EventMapping.from_dict(mapping.to_dict()) == mapping
    assert EventMapping.from_dict(mapping.to_dict()).digest() == mapping.digest()


def test_every_format_has_a_reader() -> None:
    stored = {"ga4.jsonl", "ga4.parquet", "ga4.bigquery", "archive.bigquery"}
    assert set(FORMATS) - {"ga4"} == set(READERS) - stored


def test_a_copied_window_is_no_export() -> None:
    copied = window_mapping(
        EventMapping.from_dict({"format": "ga4"}), 0, 86_400_000_000
    )
    assert copied.format == "parquet" and copied.fields["url"].column == "url"
    assert EventMapping.from_dict(copied.to_dict()) == copied


def test_ready_fields_are_checked_like_others() -> None:
    with pytest.raises(MappingError, match=r"fields\.vistor"):
        EventMapping.from_dict({"format": "segment", "fields": {"vistor": "x"}})
    with pytest.raises(MappingError, match=r"fields\.timestamp"):
        EventMapping.from_dict({"format": "csv"})


def test_a_dimension_beside_an_export_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "plans.csv").write_text("user,plan\nu0,paid\n")
    dimension = {
        "name": "plans",
        "input": str(tmp_path / "plans.csv"),
        "valid_from": "always",
        "fields": {"user_id": "user"},
        "properties": {"plan": "plan"},
    }
    mapping = EventMapping.from_dict({**made.SEGMENT, "dimensions": [dimension]})
    assert EventMapping.from_dict(mapping.to_dict()) == mapping
    path = made.write_segment(tmp_path / "calls.json", made.made_events(3))
    found = {s.dimension: s.format for s in list_sources([str(path)], mapping)}
    assert found == {None: "segment", "plans": "csv"}


GA4 = EventMapping.from_dict(made.GA4)


def test_the_same_day_twice_is_refused(tmp_path: Path) -> None:
    events = made.made_events(3)
    made.write_ga4_json(tmp_path / "events_20240301-000000000000.json", events)
    made.write_ga4_json(tmp_path / "events_20240301-000000000001.json", events[1:])
    made.write_ga4_json(tmp_path / "events_intraday_20240302.json", events[2:])
    assert len(list_sources([str(tmp_path)], GA4)) == 3
    made.write_ga4_json(tmp_path / "events_intraday_20240301.json", events)
    with pytest.raises(InputError, match="'20240301'") as refused:
        list_sources([str(tmp_path)], GA4)
    assert "events_intraday_20240301.json" in str(refused.value)


def test_a_folder_for_each_table_counts_as_well(tmp_path: Path) -> None:
    events = made.made_events(3)
    for table in ("events_20240301", "events_intraday_20240301"):
        (tmp_path / table).mkdir()
        made.write_ga4_parquet(tmp_path / table / "000000000000.parquet", events)
    with pytest.raises(InputError, match="intraday"):
        list_sources([f"{tmp_path}/*/*.parquet"], GA4)


def test_the_form_of_a_ga4_file_is_told_by_its_bytes(tmp_path: Path) -> None:
    events = made.made_events(3)
    made.write_ga4_json(tmp_path / "events_20240301000000000000", events)
    made.write_ga4_parquet(tmp_path / "events_20240302000000000000", events)
    found = {s.path[-15:-12]: s.format for s in list_sources([str(tmp_path)], GA4)}
    assert {*found.values()} == {"ga4.jsonl", "ga4.parquet"}
