"""Packed slices come back as they were."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zap.beam.packed import pack, unpack
from zap.encoding.columns import Categorical, Cutoffs, Numeric

KINDS = (np.int64, np.int32, np.int8, np.float32, np.float64, np.bool_, np.uint64)
ARRAYS = st.sampled_from(KINDS).flatmap(
    lambda kind: arrays.arrays(kind, st.integers(0, 30))
)


def assert_same(one: Any, two: Any) -> None:
    if isinstance(one, np.ndarray):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
    elif is_dataclass(one):
        assert type(one) is type(two)
        for each in fields(one):
            assert_same(getattr(one, each.name), getattr(two, each.name))
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for left, right in zip(one, two, strict=True):
            assert_same(left, right)
    else:
        assert one == two


@given(st.lists(ARRAYS))
def test_arrays_keep_their_types_and_values(made: list[np.ndarray]) -> None:
    assert_same(made, unpack(pack(made)))


def test_columns_texts_and_counts() -> None:
    codes = np.array([0, -1, 1], np.int32)
    made = [
        Categorical(codes, ["a", "ü\ud800"]),
        Categorical(codes, [("a", "b"), ("c",)]),
        Numeric(np.array([1.5, np.nan])),
        Cutoffs(*(np.arange(3) * 2**k for k in (1, 30, 50))),
        7,
        None,
        "text",
        True,
    ]
    assert_same(made, unpack(pack(made)))
    assert unpack(pack({"n": Counter(a=1)}))["n"] == Counter(a=1)


def test_no_other_class_comes_out_of_the_bytes() -> None:
    forged = json.dumps({"class": "Popen", "fields": {"args": "true"}}).encode()
    with pytest.raises(KeyError):
        unpack(len(forged).to_bytes(8, "little") + forged)
