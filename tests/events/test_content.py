"""Numbers of content, against plain tuples; and the hash against ``mmh3``."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import mmh3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import MappingError
from zap.events.coded import encoded
from zap.events.content import CONTENT, content_numbers
from zap.events.mapping import EventMapping
from zap.events.murmur import murmurs
from zap.events.reading import read_source
from zap.events.sources import list_sources

TEXT = st.none() | st.sampled_from(["", "a", "b", "ab", "Ünïcode"]) | st.text()
ROW = st.tuples(
    TEXT,
    TEXT,
    st.none() | st.sampled_from([0, 1, -1, 2**62]),
    st.none() | st.sampled_from([0.0, -0.0, 1.5, 1e300, 1.0]),
    st.none() | st.booleans(),
)
KINDS = {
    "url": pa.string(),
    "referrer": pa.string(),
    "sequence": pa.int64(),
    "price": pa.float64(),
    "new": pa.bool_(),
}


def columns_of(rows: list[tuple[Any, ...]]) -> dict[str, pa.Array]:
    columns = zip(*rows, strict=True)
    return {
        name: pa.array(values, kind)
        for (name, kind), values in zip(KINDS.items(), columns, strict=True)
    }


def numbers(rows: list[tuple[Any, ...]]) -> list[int]:
    return list(map(int, content_numbers(columns_of(rows), len(rows))))


@given(st.lists(st.text(max_size=50)), st.integers(0, 2**31))
def test_the_hash_is_murmur_3(texts: list[str], seed: int) -> None:
    found = murmurs(pa.array(texts, pa.string()), seed).tolist()
    assert found == [mmh3.hash64(text, seed)[0] for text in texts]


@given(st.lists(ROW, min_size=1))
def test_rows_have_one_number_exactly_if_they_are_equal(rows: list[Any]) -> None:
    found = numbers(rows)
    assert len(set(found)) == len(set(rows))  # 0.0 and -0.0 are equal as tuples too
    assert [numbers([row])[0] for row in rows] == found
    assert all(0 <= number < 2**53 for number in found)


@given(st.lists(ROW, min_size=1), st.randoms(use_true_random=False))
def test_neither_codes_nor_the_order_of_columns_matter(
    rows: list[Any], rng: random.Random
) -> None:
    columns = columns_of(rows)
    found = content_numbers(columns, len(rows))
    coded = {
        name: encoded(column) if pa.types.is_string(column.type) else column
        for name, column in columns.items()
    }
    names = list(coded)
    rng.shuffle(names)
    again = {name: coded[name] for name in names}
    again["nothing"] = pa.nulls(len(rows), pa.string())
    assert (content_numbers(again, len(rows)) == found).all()


def test_a_value_counts_in_its_column() -> None:
    one, other = pa.array(["x"]), pa.nulls(1, pa.string())
    assert content_numbers({"a": one, "b": other}, 1) != content_numbers(
        {"a": other, "b": one}, 1
    )


def plainly(row: tuple[Any, ...]) -> int:
    """The number of a row in plain Python."""
    most, seed, one = 2**64, 5_914_960, 0x87C37B91114253D5

    def mixed(bits: int) -> int:
        for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            bits = (bits ^ bits >> 33) * multiplier % most
        return bits ^ bits >> 33

    total = 0
    for name, value in zip(KINDS, row, strict=True):
        if value is None:
            continue
        if isinstance(value, str):
            hashed = mmh3.hash64(value, seed, signed=False)[0]
        else:
            form = "<d" if isinstance(value, float) else "<q"
            number = value + 0.0 if isinstance(value, float) else int(value)
            (bits,) = struct.unpack("<Q", struct.pack(form, number))
            hashed = mixed((bits + one) % most)
        begin = mmh3.hash64(name, seed, signed=False)[0]
        total += mixed((hashed * one + begin) % most)
    return mixed(total % most) >> 11


@given(st.lists(ROW, min_size=1))
def test_the_numbers_are_those_of_a_plain_loop(rows: list[Any]) -> None:
    # They are in the order of events of datasets made of tables, so none may change.
    assert numbers(rows) == [plainly(row) for row in rows]
    assert plainly(("/a", None, 5, 1.5, True)) == 1_216_195_870_974_137


def test_a_million_numbers_are_a_million() -> None:
    columns = {"n": pa.array(np.arange(1_000_000))}
    assert len(np.unique(content_numbers(columns, 1_000_000))) == 1_000_000


def mapping_of(**more: Any) -> EventMapping:
    fields = {"anonymous_id": "who", "timestamp": "time", "type": "kind"}
    return EventMapping.from_dict({"fields": fields, **more})


def test_ties_by_content_are_said_in_a_mapping(tmp_path: Path) -> None:
    by_content, plain = mapping_of(ties="content"), mapping_of()
    assert by_content.digest() != plain.digest() and by_content.ties == CONTENT
    assert EventMapping.from_dict(by_content.to_dict()) == by_content
    assert mapping_of(ties="place").ties == "place"
    with pytest.raises(MappingError, match=r"place, content.*ties='rows'"):
        mapping_of(ties="rows")
    table = pa.table(
        {"who": ["a", "b"], "time": ["2024-03-01T00:00:00Z"] * 2, "kind": ["v", "v"]}
    )
    for name, rows in (("one", table), ("other", table.take([1, 0]))):
        pq.write_table(rows, tmp_path / f"{name}.parquet")
    found = []
    for name in ("one", "other"):
        (source,) = list_sources([str(tmp_path / f"{name}.parquet")], by_content)
        (batch,) = read_source(source, by_content)
        events = batch.events.select(["anonymous_id", "source", "row"]).to_pylist()
        found.append(sorted(events, key=lambda each: each["anonymous_id"]))
    assert found[0] == found[1] and found[0][0]["source"] == CONTENT
