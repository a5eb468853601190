"""Serialized tf.Examples against the codecs of tfx-bsl and TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfx_bsl.coders import example_coder

from zap.datasets import serialize as serialize_module
from zap.datasets.serialize import serialize, varints

Lists = Mapping[str, list[list[float]]]
WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300) | st.just(2**14)
SINGLE = st.floats(width=32, allow_nan=False)


def ragged(rows: list[list[float]], kind: type) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, rows)])
    return np.array([value for row in rows for value in row], kind), offsets


@st.composite
def columns(draw: st.DrawFn) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rows = draw(st.integers(0, 6))
    # tfx-bsl takes names as C strings, which end at the first NUL.
    named = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
    names = draw(st.lists(named, unique=True, min_size=1))

    def lists(values: st.SearchStrategy) -> st.SearchStrategy:
        row = st.lists(values, max_size=40)
        return st.lists(row, min_size=rows, max_size=rows)

    found = {}
    for name in sorted(names, key=str.encode):
        whole = draw(st.booleans())
        kind = np.int64 if whole else np.float32
        found[name] = ragged(draw(lists(WHOLE if whole else SINGLE)), kind)
    return found


def by_tfx_bsl(given: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[bytes]:
    """Each column encoded alone by tfx-bsl, and the entries put together here."""
    entries = []
    for name, (values, offsets) in given.items():
        lists = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
        batch = pa.RecordBatch.from_arrays([lists], names=[name])
        encoded = example_coder.RecordBatchToExamplesEncoder().encode(batch)
        entries.append([bytes(each) for each in encoded])
    rows = len(entries[0])
    bodies = [b"".join(body(column[row]) for column in entries) for row in range(rows)]
    return [b"\x0a" + varint(len(text)) + text for text in bodies]


def body(record: bytes) -> bytes:
    """What stands in the features of a record, behind their tag and length."""
    place = 1
    while record[place] >= 0x80:
        place += 1
    return record[place + 1 :]


def varint(number: int) -> bytes:
    digits = []
    while number >= 0x80:
        digits.append(number % 128 + 128)
        number //= 128
    return bytes([*digits, number])


@given(columns())
def test_records_have_the_bytes_of_tfx_bsl(given_columns: dict) -> None:
    assert serialize(given_columns) == by_tfx_bsl(given_columns)


def test_records_joined_in_many_parts_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    rows = [rng.integers(0, 2**40, n).tolist() for n in rng.integers(0, 30, 50)]
    made = {"a": ragged(rows, np.int64), "b": ragged(rows, np.float32)}
    whole = serialize(made)
    for most in (1, 7, 100):
        monkeypatch.setattr(serialize_module, "MOST_VALUES", most)
        assert serialize(made) == whole


def test_columns_that_share_their_offsets_are_told_apart() -> None:
    offsets = np.array([0, 2, 2, 5])
    whole = np.array([1, 2**20, 3, 4, 5])
    made = {
        "a": (whole, offsets),
        "b": (np.arange(5, dtype=np.float32), offsets),
        "c": (np.ones(5, np.float32), offsets),
        "d": (whole[::-1].copy(), offsets),
    }
    assert serialize(made) == by_tfx_bsl(made)


def test_tensorflow_reads_the_records() -> None:
    tf = pytest.importorskip("tensorflow")
    made = {
        "a": ragged([[], [1, -1, 300]], np.int64),
        "long" * 60: ragged([[1.5], list(range(300))], np.float32),
    }
    for row, record in enumerate(serialize(made)):
        features = tf.train.Example.FromString(record).features.feature
        assert set(features) == set(made)
        for name, (values, offsets) in made.items():
            kind = "int64_list" if values.dtype.kind == "i" else "float_list"
            found = getattr(features[name], kind).value
            assert list(found) == values[offsets[row] : offsets[row + 1]].tolist()


@given(st.lists(WHOLE, max_size=30))
def test_varints_are_those_of_a_plain_loop(numbers: list[int]) -> None:
    data, sizes = varints(np.array(numbers, np.int64))
    expected = [varint(number % 2**64) for number in numbers]
    assert data.tobytes() == b"".join(expected)
    assert np.broadcast_to(sizes, len(numbers)).tolist() == list(map(len, expected))
