"""Faults that fuzzing found, each by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import read_or_refuse

from zap.errors import MappingError, ZapError
from zap.events.mapping import EventMapping
from zap.events.records import MAX_RECORD_BYTES

LEAST: dict[str, Any] = {"fields": {"timestamp": "ts", "type": "e"}}
T = b"2024-01-01T00:00:00Z"


def read(path: Path, data: bytes, mapping: Any = LEAST) -> tuple[int, list[Any], str]:
    path.write_bytes(data)
    events, dead, _, message = read_or_refuse(path, EventMapping.from_dict(mapping))
    return len(events), [(d.line, d.reason) for d in dead], message


def test_a_misfit_row_that_is_not_utf8_costs_itself_alone(tmp_path: Path) -> None:
    rows = [b"ts,e", T + b",a", T + b",\xe9,x", T + b",b", b"\xff", T + b",\xe9"]
    events, dead, message = read(tmp_path / "f.csv", b"\n".join(rows))
    assert (events, message) == (2, "")
    assert dead == [(3, "csv.columns"), (5, "csv.columns"), (6, "not_utf8")]


def test_a_huge_header_is_refused_in_few_words(tmp_path: Path) -> None:
    for head in (b"ts,e," + b"x" * 200_000, b"nope," + b"x" * 100_000):
        events, _, message = read(tmp_path / "f.csv", head + b"\n" + T + b",a,\n")
        assert (events, bool(message)) == (0, True)


def test_json_of_any_depth_is_read_or_a_dead_letter(tmp_path: Path) -> None:
    good = b'{"ts": "' + T + b'", "e": "a"}\n'
    for depth in (500, 1010, 100_000):
        deep = b'{"z":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}\n"
        events, dead, message = read(tmp_path / "f.jsonl", deep + good)
        assert (events, message, len(dead)) == (1, "", 1)
    deep = b'{"z":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}\n"
    _, dead, message = read(tmp_path / "f.jsonl", deep)
    assert "column='ts'" in message


def test_a_line_too_long_costs_itself_alone(tmp_path: Path) -> None:
    for end in (b"\n", b"\r", b"\r\n"):
        long = T + b"," + b"z" * (MAX_RECORD_BYTES + 1)
        rows = [b"ts,e", T + b",a", long, T + b",b", b"x,y"]
        events, dead, message = read(tmp_path / "f.csv", end.join(rows))
        assert (events, message) == (2, "")
        assert dead == [(3, "too_large"), (5, "timestamp.unparsable")]


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ms", "UTC")])
def test_a_time_beyond_int64_does_not_wrap_around(tmp_path: Path, kind: Any) -> None:
    # 2**64 microseconds and a little, in the column's own unit: it would wrap to 1970.
    per = 1_000_000 if kind.unit == "s" else 1_000
    wrapping = 2**64 // per + 1000
    times = pa.array([wrapping, 0], pa.int64()).cast(kind)
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"ts": times, "e": ["a", "b"]}), path)
    mapping = EventMapping.from_dict({**LEAST, "timezone": "UTC"})
    events, dead, _, _ = read_or_refuse(path, mapping)
    assert ([e["type"] for e in events], len(dead)) == (["b"], 1)
    assert dead[0].reason == "timestamp.out_of_range"


def test_a_parquet_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    texts = pa.array(["a"])
    table = pa.Table.from_arrays([texts, texts, texts], ["ts", "e", "ts"])
    pq.write_table(table, tmp_path / "f.parquet")
    mapping = EventMapping.from_dict(LEAST)
    assert "named once" in read_or_refuse(tmp_path / "f.parquet", mapping)[3]


def test_a_number_is_as_exact_beside_bad_ones(tmp_path: Path) -> None:
    fields = {"timestamp": {"column": "ts", "unit": "ns"}, "type": "e"}
    mapping = EventMapping.from_dict({"fields": fields})
    path = tmp_path / "f.csv"
    row = b"1704067200123456789,a\n"
    path.write_bytes(b"ts,e\n" + row)
    alone = read_or_refuse(path, mapping)[0][0]["timestamp"]
    path.write_bytes(b"ts,e\n" + row + b"never,b\n")
    assert read_or_refuse(path, mapping)[0][0]["timestamp"] == alone
    assert alone.microsecond == 123456


def test_whether_a_leaf_is_missing_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'{"x": 1}\n' * 3 + b'{"ts": "' + T + b'", "e": "a"}\n')
    mapping = EventMapping.from_dict(LEAST)
    assert read_or_refuse(path, mapping, 2)[:2] == read_or_refuse(path, mapping)[:2]


@pytest.mark.parametrize(
    "change",
    [
        {"fields": {"timestamp": {"column": "t", "format": "%Y%Y"}, "type": "e"}},
        {"fields": {"timestamp": {"column": "t", "format": "%F %T"}, "type": "e"}},
        {"observed": {"from": "0001-01-01", "until": "2024-01-01"}},
        {"observed": {"partitions": "%Q"}},
        {"properties": {"p": {"product": [], "type": "int"}}},
        {"properties": {"\ud800": "p"}},
        {"properties": {"p": "\ud800"}},
        {"csv": {"delimiter": '"'}},
        {"csv": {"delimiter": "\0"}},
        {"skip": [{"name": "s", "column": "c", "matches": "a{99999999999}"}]},
        {"skip": [{"name": "s", "column": "c", "equals": 10**5000}]},
        {"timezone": 10**5000},
        {"x" * 100_000: 1},
    ],
)
def test_an_odd_mapping_is_refused_in_words(change: dict[Any, Any]) -> None:
    with pytest.raises(MappingError) as error:
        EventMapping.from_dict(LEAST | change)
    assert len(str(error.value)) < 2_000


@pytest.mark.parametrize(
    "text", ["a = " + "9" * 5000, "a = " + "[" * 5000, "a = 1\0", "\ufeff[fields]"]
)
def test_an_odd_mapping_file_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(ZapError) as error:
        EventMapping.load(tmp_path / "m.toml")
    assert len(str(error.value)) < 2_000


def test_a_byte_order_mark_in_the_middle_stays_in_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = [b"e,ts", b"a," + T, b"\xef\xbb\xbfb," + T, b'\xef\xbb\xbf"c",' + T]
    path.write_bytes(b"\n".join(rows))
    mapping = EventMapping.from_dict(LEAST)
    for size in (1, 2, 3):
        events = read_or_refuse(path, mapping, size)[0]
        assert [e["type"] for e in events] == ["a", "\ufeffb", '\ufeff"c"']
