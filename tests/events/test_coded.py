"""Columns of codes against the texts that they stand for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.events.cells import to_text
from zap.events.coded import (
    CODED,
    codes_of,
    compacted,
    decoded,
    encoded,
    from_codes,
    with_texts,
)

TEXTS = st.lists(st.sampled_from(["a", "b", "", "long text"]) | st.none())


@given(TEXTS, st.integers(0, 3))
def test_codes_stand_for_their_texts(texts: list, first: int) -> None:
    column = pa.array(texts, pa.string())[first:]
    coded = encoded(column)
    assert coded.type == CODED and encoded(coded) is coded
    assert decoded(coded).to_pylist() == column.to_pylist()
    names = [*coded.dictionary.to_pylist(), None]
    assert [names[code] for code in codes_of(coded)] == column.to_pylist()


@given(TEXTS, st.data())
def test_compacting_keeps_the_values_and_nothing_else(
    texts: list, data: st.DataObject
) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    part = encoded(pa.array(texts, pa.string())).filter(pa.array(keep, pa.bool_()))
    found = compacted(part)
    assert found.to_pylist() == part.to_pylist()
    used = {text for text in part.to_pylist() if text is not None}
    assert sorted(found.dictionary.to_pylist()) == sorted(used)


def test_absent_distinct_values_are_absent_everywhere() -> None:
    codes = np.array([2, 1, -1, 0], np.int32)
    column = from_codes(codes, pa.array([None, "b", "c"], pa.string()))
    assert column.to_pylist() == ["c", "b", None, None]
    assert column.null_count == 2 and column.dictionary.to_pylist() == ["b", "c"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()]
)
@given(st.lists(st.sampled_from(["a", "", "b"]) | st.none()))
def test_cells_of_codes_become_the_texts_that_plain_cells_become(
    kind: pa.DataType, texts: list
) -> None:
    plain = pa.array(texts, pa.string())
    coded = plain.dictionary_encode()
    cells = pa.DictionaryArray.from_arrays(coded.indices, coded.dictionary.cast(kind))
    assert (
        to_text(cells, "c").values.to_pylist() == to_text(plain, "c").values.to_pylist()
    )


def test_bad_and_large_distinct_cells_are_bad_wherever_they_stand() -> None:
    distinct = pa.array([b"fine", b"\xff", b"x" * 1_000_001], pa.binary())
    cells = pa.DictionaryArray.from_arrays(pa.array([1, 0, 2, None, 1]), distinct)
    found = to_text(cells, "c")
    assert found.values.to_pylist() == [None, "fine", None, None, None]
    masks = {each.reason: each.mask.tolist() for each in found.failures}
    assert masks["not_utf8"] == [True, False, False, False, True]
    assert masks["too_large"] == [False, False, True, False, False]


def test_a_dictionary_that_repeats_itself_is_mended() -> None:
    cells = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2]), pa.array(["a", "b", "a"])
    )
    found = to_text(cells, "c").values
    assert found.to_pylist() == ["a", "b", "a"]
    assert sorted(found.dictionary.to_pylist()) == ["a", "b"]


def test_a_table_s_codes_become_texts() -> None:
    table = pa.table({"a": encoded(pa.array(["x", None])), "b": pa.array([1, 2])})
    found = with_texts(table)
    assert found.schema.field("a").type == pa.string()
    assert found.to_pylist() == table.to_pylist()
    assert with_texts(found) is found
