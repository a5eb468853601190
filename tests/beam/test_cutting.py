"""Many pieces at once are what each is on its own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zap.beam.cutting import small_pieces
from zap.events.coded import CODED, encoded

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30)


def texts_of(column: pa.Array) -> set[str]:
    return {text for text in column.to_pylist() if text is not None}


@given(TEXTS, st.data())
def test_pieces_hold_their_rows_and_no_other_texts(
    texts: list, data: st.DataObject
) -> None:
    column = encoded(pa.array(texts, pa.string()))
    rows = pa.array(range(len(texts)), pa.int64())
    batch = pa.RecordBatch.from_arrays([column, rows], ["text", "row"])
    inner = data.draw(st.lists(st.integers(0, len(texts)), max_size=5))
    bounds = np.array([0, *sorted(inner), len(texts)])
    found = list(small_pieces(batch, bounds))
    assert len(found) == len(bounds) - 1
    for number, piece in enumerate(found):
        piece.validate(full=True)
        start, stop = bounds[number : number + 2]
        assert piece.column("text").to_pylist() == texts[start:stop]
        assert piece.column("row").to_pylist() == list(range(start, stop))
        kept = piece.column("text").dictionary.to_pylist()
        assert sorted(kept) == sorted(texts_of(piece.column("text")))


def test_a_distinct_value_that_is_absent() -> None:
    codes = pa.array([1, 0, None, 2, 1], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, pa.array([None, "b", "c"]))
    batch = pa.RecordBatch.from_arrays([column.cast(CODED)], ["text"])
    found = list(small_pieces(batch, np.array([0, 2, 5])))
    values = [piece.column("text").to_pylist() for piece in found]
    assert values == [["b", None], [None, "c", "b"]]
    assert found[0].column("text").dictionary.to_pylist() == ["b"]
