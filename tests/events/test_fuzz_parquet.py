"""Parquet of every type and with damaged bytes: never a traceback, no row lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import (
    COLUMNS,
    EDITS,
    MAPPING,
    bounded,
    check_file,
    cut_and_patched,
)
from hypothesis import given
from hypothesis import strategies as st

from zap.events.mapping import EventMapping

CHECKED = EventMapping.from_dict(MAPPING)
EDGES = [0, 1, -1, 10**9, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), -(2**60)]


def int64s(kind: pa.DataType) -> pa.Array:
    return pa.array([*EDGES, None], pa.int64()).view(kind)


def bad_texts(kind: pa.DataType) -> pa.Array:
    raw = pa.array([b"view", b"\xe9", b"", None, b"\xed\xa0\x80", b"x" * 2000])
    return raw.cast(
        pa.large_binary() if kind == pa.large_string() else pa.binary()
    ).view(kind)


T = datetime(2024, 1, 1, tzinfo=UTC)
ARRAYS: list[pa.Array] = [
    *(int64s(pa.timestamp(unit, zone)) for unit in ("ms", "us",
    "ns") for zone in (None, "UTC", "Europe/London")),
    int64s(pa.int64()),
    *(int64s(pa.duration(unit)) for unit in ("s", "ms", "us", "ns")),
    pa.array([2**64 - 1, 0, None, 2**63], pa.uint64()),
    pa.array([0, 255, None], pa.uint8()),
    pa.array([1.5, float("nan"), float("inf"), -0.0, None, 1e308, 2.0**60]),
    pa.array(np.array([1.5, np.nan, np.inf, 6e4], np.float16)),
    pa.array([1.5, None, 3e38], pa.float32()),
    pa.array([True, None, False]),
    pa.nulls(3),
    pa.array([Decimal("1.50"), None, Decimal("-99999999999999999999.99")],
    pa.decimal128(38, 2)),
    pa.array([Decimal(10) ** 60, None], pa.decimal256(70, 0)),
    pa.array([-(2**31), 0, None, 2**31 - 1], pa.int32()).view(pa.date32()),
    pa.array([date(2024, 1, 1), None, date(1, 1, 1), date(9999, 12, 31)], pa.date64()),
    pa.array([time(1, 2, 3), None], pa.time64("us")),
    pa.array([time(1, 2), None], pa.time32("s")),
    pa.array([T, None, T + timedelta(days=1)], pa.timestamp("us", "UTC")),
    pa.array(["2024-01-01T00:00:00Z", "31/12/2024", "", None, "1e999", "view", "test"]),
    pa.array(["a", None, "b"], pa.large_string()),
    pa.array(["a", None, "a"]).dictionary_encode(),
    bad_texts(pa.string()),
    bad_texts(pa.large_string()),
    pa.array([b"a", b"\xff", None]),
    pa.array([b"abcd", None, b"\xff\xfe\xfd\xfc"], pa.binary(4)),
    pa.array([[1, None], None, []], pa.list_(pa.int64())),
    pa.array([["\U0001f600"], None]),
    pa.array([{"leaf": 1, "more": {"leaf": None}}, None, {"leaf": None, "more": None}]),
    pa.array([{"leaf": {"leaf": "x"}}, None]),
    pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    pa.array([{"leaf": [1]}, {"leaf": None}]),
]  # fmt: skip


def resized(array: pa.Array, rows: int, shift: int) -> pa.Array:
    return array.take(
        pa.array([(i + shift) % len(array) for i in range(rows)], pa.int64())
    )


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of the mapped columns, each of any type."""
    rows = draw(st.integers(0, 12))
    names = [name for name in COLUMNS if name != "deep.leaf"]
    good = {
        "ts": pa.array([T.isoformat()] * rows, pa.string()),
        "kind": pa.array(["view"] * rows, pa.string()),
        "in": pa.array([1704067200000] * rows, pa.int64()),
    }
    columns = {}
    for name in names:
        array = draw(st.sampled_from(ARRAYS))
        odd = name not in good or draw(st.integers(0, 3)) == 0
        columns[name] = (
            resized(array, rows, draw(st.integers(0, 9))) if odd else good[name]
        )
    nested = draw(st.booleans())
    inner = resized(draw(st.sampled_from(ARRAYS)), rows, draw(st.integers(0, 9)))
    if nested:
        mask = pa.array([draw(st.booleans()) for _ in range(rows)], pa.bool_())
        columns["deep"] = pa.StructArray.from_arrays([inner], ["leaf"], mask=mask)
    else:
        columns["deep.leaf"] = inner
    table = pa.table(columns)
    if draw(st.integers(0, 19)) == 0:
        table = table.append_column("ts", table.column("ts"))
    return table


def written(table: pa.Table, path: Any, draw: Any) -> None:
    options = {
        "compression": draw(st.sampled_from(["snappy", "none", "zstd", "gzip"])),
        "use_dictionary": draw(st.booleans()),
        "row_group_size": draw(st.integers(1, 8)),
        "data_page_version": draw(st.sampled_from(["1.0", "2.0"])),
    }
    try:
        pq.write_table(table, path, **options)
    except (pa.ArrowException, ValueError):  # what Parquet itself cannot hold
        pq.write_table(table.select([]), path)


@pytest.mark.slow
@bounded(150)
@given(tables(), st.data())
def test_columns_of_any_type(tmp_path_factory: Any, table: pa.Table, data: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "f.parquet"
    written(table, path, data.draw)
    check_file(path, CHECKED, table.num_rows)


@bounded(80)
@given(tables(), EDITS, st.data())
def test_damaged_parquet(
    tmp_path_factory: Any, table: pa.Table, edits: Any, data: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "f.parquet"
    written(table, path, data.draw)
    path.write_bytes(cut_and_patched(path.read_bytes(), edits))
    check_file(path, CHECKED, 10**12)


@pytest.mark.parametrize("place", range(len(ARRAYS)))
def test_each_type_as_each_column(tmp_path: Any, place: int) -> None:
    array = ARRAYS[place]
    size = len(array)
    for name in COLUMNS:
        columns = {
            "ts": pa.array([T] * size),
            "kind": pa.array(["view"] * size),
            "user": pa.array(["a"] * size),
            "in": pa.nulls(size, pa.int64()),
            **{each: pa.nulls(size, pa.string()) for each in COLUMNS[4:]},
        }
        columns[name] = array
        pq.write_table(pa.table(columns), tmp_path / "f.parquet")
        check_file(tmp_path / "f.parquet", CHECKED, size)
