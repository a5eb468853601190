"""Places of hashed columns, held to the hash of one text after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.encoding.columns import MISSING, Categorical, Numeric
from zap.encoding.features import Hash
from zap.encoding.hashing import bucket, canonical_text
from zap.encoding.layout import Layout

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=3)
ONE_OR_SEVERAL = ANY_TEXT | st.lists(ANY_TEXT, max_size=4).map(tuple)
NUMBERS = st.floats(allow_nan=False) | st.integers(-3, 3).map(float)
LIMITS = st.none() | st.integers(1, 3)


def coded(rows: list[Any], unused: list[Any]) -> Categorical:
    """The column of some rows, with values between them that no row has."""
    values = list(dict.fromkeys([*unused, *(row for row in rows if row is not None)]))
    codes = [MISSING if row is None else values.index(row) for row in rows]
    return Categorical(np.array(codes, np.int32), values)


@settings(max_examples=200)
@given(st.data(), st.integers(0, 5), LIMITS, LIMITS)
def test_hashed_columns_fill_the_buckets_of_their_strings(
    data: st.DataObject, count: int, limit: int | None, other: int | None
) -> None:
    kind = data.draw(st.sampled_from([ANY_TEXT, ONE_OR_SEVERAL]))
    rows = data.draw(st.lists(st.none() | kind, min_size=count, max_size=count))
    numbers = data.draw(st.lists(NUMBERS, min_size=count, max_size=count))
    column = coded(rows, data.draw(st.lists(kind, max_size=3)))
    columns = [
        (Hash("page", limit=limit), column),
        (Hash("page", limit=other), column),
        (Hash("amount"), Numeric(np.array(numbers, float))),
    ]
    layout = Layout([feature for feature, _ in columns], 7, seed=5)

    found = layout.fill(columns, count)

    for row, (value, number) in enumerate(zip(rows, numbers, strict=True)):
        expected = {bucket("amount", canonical_text(number), 7, 5)}
        strings = value if isinstance(value, tuple) else (value,)
        for text in strings[: max(limit or 1, other or 1)] if value is not None else ():
            expected.add(bucket("page", text, 7, 5))
        start, stop = found.offsets[row], found.offsets[row + 1]
        assert found.indices[start:stop].tolist() == sorted(expected)
