"""Hashes of many subjects against mmh3, one at a time."""

from __future__ import annotations

import mmh3
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zap.histories.subjects import SUBJECT_SEED, subject_hash, subject_hashes


@given(st.lists(st.text(max_size=70)), st.integers(0, 3))
def test_hashes_are_those_of_mmh3(names: list[str], first: int) -> None:
    column = pa.array(["x"] * first + names, pa.string())[first:]
    expected = [mmh3.hash64(name.encode(), SUBJECT_SEED)[0] for name in names]
    assert subject_hashes(column).tolist() == expected
    assert [subject_hash(name) for name in names] == expected


def test_every_length_up_to_some_blocks() -> None:
    names = [chr(97 + length % 26) * length for length in range(100)]
    expected = [subject_hash(name) for name in names]
    assert subject_hashes(pa.array(names)).tolist() == expected
