"""JSON Lines: nested leaves, mixed types, bad lines."""

import gzip
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from zap.errors import MappingError
from zap.events.mapping import EventMapping
from zap.events.reading import DeadLetter, read_source
from zap.events.sources import list_sources

MAPPING: dict[str, Any] = {
    "fields": {
        "timestamp": "ts",
        "type": "event",
        "url": "context.page.url",
        "anonymous_id": "id",
    },
    "properties": {
        "price": {"column": "props.price", "type": "float"},
        "new": {"column": "new", "type": "bool"},
    },
}
Read = tuple[list[dict[str, Any]], list[DeadLetter], Counter[str]]
T = "2024-01-01T00:00:00Z"


def read(path: Path, lines: list[str | bytes], **more: Any) -> Read:
    data = [line if isinstance(line, bytes) else line.encode() for line in lines]
    pack = gzip.compress if path.suffix == ".gz" else bytes
    path.write_bytes(pack(b"\n".join(data)))
    mapping = EventMapping.from_dict({**MAPPING, **more})
    [source] = list_sources([str(path)], mapping)
    batches = list(read_source(source, mapping, batch_rows=100))
    counts: Counter[str] = Counter()
    for batch in batches:
        counts.update(batch.counts)
    events = [row for batch in batches for row in batch.events.to_pylist()]
    return events, [letter for batch in batches for letter in batch.dead], counts


def test_leaves_of_any_type_become_typed_columns(tmp_path: Path) -> None:
    events = [
        {
            "ts": T,
            "event": "v",
            "id": 7,
            "context": {"page": {"url": "/a"}},
            "new": True,
        },
        {"ts": T, "event": "v", "id": "8", "props": {"price": "1.5"}, "new": "no"},
        {"ts": T, "event": "v", "id": 9.0, "props": {"price": 2}, "context": None},
        {"ts": T, "event": "v", "id": "", "props.price": 3, "context": {"page": 1}},
    ]
    path = tmp_path / "e.jsonl.gz"
    rows, dead, _ = read(path, [json.dumps(event) for event in events])
    assert not dead
    assert [row["anonymous_id"] for row in rows] == ["7", "8", "9", None]
    assert [row["url"] for row in rows] == ["/a", None, None, None]
    assert [row["price"] for row in rows] == [None, 1.5, 2.0, 3.0]
    assert [row["new"] for row in rows] == [True, False, None, None]


def test_bad_lines_are_dead_letters_with_their_text(tmp_path: Path) -> None:
    good = json.dumps({"ts": T, "event": "v"})
    lines: list[str | bytes] = [
        good,
        "",
        "{",
        "[1]",
        json.dumps({"ts": T, "event": {"name": "v"}}),
        json.dumps({"ts": T, "event": "v", "new": "maybe"}),
        '{"ts": "\\ud800", "event": "v"}',
        b'{"ts": "\xff"}',
        json.dumps({"event": "v"}),
        good + "\r",
    ]
    events, dead, counts = read(tmp_path / "e.jsonl", lines)
    assert [(d.line, d.reason) for d in dead] == [
        (3, "json.invalid"),
        (4, "json.not_object"),
        (5, "json.not_scalar"),
        (6, "property.new.not_bool"),
        (7, "json.invalid"),
        (8, "json.invalid"),
        (9, "timestamp.missing"),
    ]
    assert dead[1].raw == "[1]"
    assert [event["row"] for event in events] == [0, 8]
    assert (counts["rows.read"], counts["events.read"]) == (9, 2)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_named(tmp_path: Path, number: float) -> None:
    line = json.dumps({"ts": T, "event": "é", "price": number, "new": True})
    _, (letter,), _ = read(tmp_path / "e.jsonl", [line])
    assert letter.reason == "json.invalid" and "write null" in letter.detail
    _, (other,), _ = read(tmp_path / "f.jsonl", ['{"ts": , "event": "NaN"}'])
    assert "write null" not in other.detail


def test_a_required_leaf_that_no_line_has_is_the_mappings_fault(tmp_path: Path) -> None:
    lines: list[str | bytes] = [json.dumps({"time": T, "event": "v", "a": {"b": 1}})]
    with pytest.raises(MappingError, match=r"column='ts'.*'time', 'event', 'a\.b'"):
        read(tmp_path / "e.jsonl", lines)


def test_numbers_need_a_unit_and_keep_their_digits(tmp_path: Path) -> None:
    fields = {**MAPPING["fields"], "timestamp": {"column": "ts", "unit": "ms"}}
    stamps = [1704067200123, 1704067200123.5, "1704067200123"]
    lines: list[str | bytes] = [json.dumps({"ts": ts, "event": "v"}) for ts in stamps]
    events, _, _ = read(tmp_path / "e.jsonl", lines, fields=fields)
    micros = [event["timestamp"].microsecond for event in events]
    assert micros == [123_000, 123_500, 123_000]


def test_whole_numbers_of_any_length_keep_their_digits(tmp_path: Path) -> None:
    """Two ids that differ in their last digit are two subjects, as in a CSV file."""
    ids = [2**63, 2**64 - 1, 2**64, 10**24 + 1, 10**24 + 2, -(2**63) - 1, 10**299 + 1]
    lines = [json.dumps({"ts": T, "event": "v", "id": number}) for number in ids]
    lines += [f'{{"ts": "{T}", "event": "v", "id": 1e24, "props": {{"price": 1e30}}}}']
    events, dead, _ = read(tmp_path / "e.jsonl", lines)
    assert not dead
    assert [event["anonymous_id"] for event in events] == [*map(str, ids), "1e+24"]
    assert events[-1]["price"] == 1e30


def test_a_deep_line_with_a_long_number_is_read(tmp_path: Path) -> None:
    deep = '{"a":' * 1_000 + "1" + "}" * 1_000
    line = f'{{"ts": "{T}", "event": "v", "id": {10**24}, "deep": {deep}}}'
    events, dead, _ = read(tmp_path / "e.jsonl", [line])
    assert not dead
    assert [event["anonymous_id"] for event in events] == ["1e+24"]
