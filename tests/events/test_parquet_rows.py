"""Parquet: native types, nested leaves, row groups, damage."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import split_source
from zap.events.reading import ReadBatch, read_source
from zap.events.sources import Source, list_sources

TIME = datetime(2024, 1, 1, tzinfo=UTC)
ONE = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
TWO = UUID("ffeeddcc-bbaa-0000-0908-070605040302")


def write(tmp_path: Path, columns: dict[str, Any], **options: Any) -> Path:
    size = len(next(iter(columns.values())))
    table = pa.table({"ts": [TIME] * size, "event": ["v"] * size, **columns})
    pq.write_table(table, tmp_path / "e.parquet", **options)
    return tmp_path / "e.parquet"


def read(path: Path, fields: dict[str, Any], **more: Any) -> list[ReadBatch]:
    names = {"timestamp": "ts", "type": "event", **fields}
    mapping = EventMapping.from_dict({"fields": names, **more})
    [source] = list_sources([str(path)], mapping)
    return list(read_source(source, mapping, batch_rows=4))


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        (pa.array([13047.0, float("nan"), 1.5, None]), ["13047", None, "1.5", None]),
        (pa.array([2**60, -1]), [str(2**60), "-1"]),
        (pa.array(["a", "", None]).dictionary_encode(), ["a", None, None]),
        (pa.array(["é"], pa.large_string()), ["é"]),
        (pa.array([b"abc"], pa.binary(3)), ["abc"]),
        (pa.array([b"abc"], pa.binary_view()), ["abc"]),
        (pa.array([None, ONE.bytes, TWO.bytes], pa.uuid()), [None, str(ONE), str(TWO)]),
        (pa.nulls(2, pa.uuid()), [None, None]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_any_column_can_be_a_text(
    tmp_path: Path, cells: pa.Array, texts: list[str]
) -> None:
    [batch] = read(write(tmp_path, {"id": cells}), {"user_id": "id"})
    assert batch.events.column("user_id").to_pylist() == texts


def test_leaves_of_structs_and_columns_with_dots(tmp_path: Path) -> None:
    nested = pa.array([{"page": {"url": "/a", "x": 1}}, {"page": None}, None])
    path = write(tmp_path, {"context": nested, "a.b": ["1", "2", "3"]})
    [batch] = read(path, {"url": "context.page.url", "user_id": "a.b"})
    assert batch.events.column("url").to_pylist() == ["/a", None, None]
    assert batch.events.column("user_id").to_pylist() == ["1", "2", "3"]
    with pytest.raises(MappingError, match=r"context\.page\.url"):
        read(path, {"url": "context.page.ulr"})
    with pytest.raises(MappingError, match="leaf"):
        read(path, {"url": "context"})


def test_names_within_structs_may_hold_dots(tmp_path: Path) -> None:
    nested = pa.array([{"b.c": "x", "b": {"d": "y"}}, None])
    path = write(tmp_path, {"a": nested, "a.b": pa.array([{"e": "z"}, None])})
    for leaf, texts in {"a.b.c": ["x", None], "a.b.d": ["y", None]}.items():
        [batch] = read(path, {"user_id": leaf})
        assert batch.events.column("user_id").to_pylist() == texts
    [batch] = read(path, {"user_id": "a.b.e"})
    assert batch.events.column("user_id").to_pylist() == ["z", None]


@pytest.mark.parametrize(
    ("cells", "leaf"),
    [
        (pa.array([[{"b": "x"}]]), "a.list.element.b"),
        (pa.array([["x"]]), "a.list.element"),
        (
            pa.array([[("k", "x")]], pa.map_(pa.string(), pa.string())),
            "a.key_value.key",
        ),
    ],
)
def test_what_a_row_has_several_of_is_no_leaf(
    tmp_path: Path, cells: pa.Array, leaf: str
) -> None:
    with pytest.raises(MappingError, match=f"one value a row.*{leaf}"):
        read(write(tmp_path, {"a": cells}), {"user_id": leaf})


def test_typed_properties_refuse_other_types(tmp_path: Path) -> None:
    path = write(
        tmp_path, {"a": [1, 2], "b": [1.0, 2.5], "c": [True, None], "d": ["x", "3"]}
    )
    properties = {
        "a": {"column": "a", "type": "bool"},
        "b": {"column": "b", "type": "int"},
        "c": {"column": "c", "type": "float"},
        "d": {"column": "d", "type": "float"},
    }
    for name, bad in {"a": [2], "b": [2], "c": [1], "d": [1]}.items():
        [batch] = read(path, {}, properties={name: properties[name]})
        assert [d.line for d in batch.dead] == bad, name
    assert '"d": "x"' in batch.dead[0].raw


def test_numbers_lose_nothing_that_their_type_holds(tmp_path: Path) -> None:
    whole = pa.array([2**53 + 1, 2**64 - 1], pa.uint64())
    properties = {"n": {"column": "n", "type": "int"}}
    [batch] = read(write(tmp_path, {"n": whole}), {}, properties=properties)
    assert batch.events.column("n").to_pylist() == [2**53 + 1]
    assert [d.reason for d in batch.dead] == ["property.n.not_int"]


def test_row_groups_are_read_apart_with_the_files_row_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": [f"u{i}" for i in range(23)]}, row_group_size=5)
    mapping = EventMapping.from_dict(
        {"fields": {"timestamp": "ts", "type": "event", "user_id": "id"}}
    )
    [whole] = list_sources([str(path)], mapping)
    parts = split_source(whole, rows=11)
    assert [part.row_groups for part in parts] == [(0, 1), (2, 3), (4,)]

    def rows(source: Source) -> list[tuple[str, int]]:
        return [
            (row["user_id"], row["row"])
            for batch in read_source(source, mapping, batch_rows=3)
            for row in batch.events.to_pylist()
        ]

    expected = [(f"u{i}", i) for i in range(23)]
    assert rows(whole) == expected
    assert [row for part in parts for row in rows(part)] == expected


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": [f"u{i}" for i in range(1000)]})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"e\.parquet"):
        read(path, {"user_id": "id"})
    path.write_bytes(
        data[:40] + bytes(len(data) - 2000 - 40) + data[len(data) - 2000 :]
    )
    with pytest.raises(InputError, match=r"e\.parquet"):
        read(path, {"user_id": "id"})


def test_bytes_that_are_no_text_are_dead_letters(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    [batch] = read(write(tmp_path, {"id": broken}), {"user_id": "id"})
    assert batch.events.column("user_id").to_pylist() == ["ok"]
    assert [d.reason for d in batch.dead] == ["not_utf8"]
