"""Text columns as codes into their distinct values.

Events repeat: a million of them hold some hundred addresses and agents. As codes they
are a fraction of the size, are moved as whole numbers, and each distinct text is looked
at once. Only columns that hardly repeat, such as ids of events, are better left alone.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import Int32Array

CODED = pa.dictionary(pa.int32(), pa.string())


def is_coded(kind: pa.DataType) -> bool:
    """Whether a type is that of codes into texts."""
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type))


def encoded(column: pa.Array) -> pa.DictionaryArray:
    """A column of texts as codes; codes are given back as they are."""
    if not isinstance(column, pa.DictionaryArray):
        return pc.dictionary_encode(column)
    return column if column.type == CODED else pc.cast(column, CODED)


def decoded(column: pa.Array) -> pa.Array:
    """A column of codes as texts; others are given back as they are."""
    coded = isinstance(column, pa.DictionaryArray)
    return column.dictionary_decode() if coded else column


def codes_of(column: pa.DictionaryArray) -> Int32Array:
    """The codes, -1 where there is no value; int32, shape (rows,)."""
    codes = column.indices
    if codes.null_count:
        codes = pc.fill_null(codes, -1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), np.int32)


def from_codes(codes: Int32Array, distinct: pa.Array) -> pa.DictionaryArray:
    """The column of codes into ``distinct``; a code below 0 is an absent value.

    Args:
        codes: int32, shape (rows,).
        distinct: texts; where one is absent, so are the values that it stands for.
    """
    if distinct.null_count:
        present = distinct.is_valid().to_numpy(zero_copy_only=False)
        place = np.append(np.cumsum(present) - 1, -1)
        place[:-1][~present] = -1
        codes, distinct = place[codes].astype(np.int32), distinct.drop_null()
    absent = codes < 0
    indices = pa.array(codes, pa.int32(), mask=absent if absent.any() else None)
    return pa.DictionaryArray.from_arrays(indices, distinct)


def compacted(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same column with only those distinct values that occur."""
    codes, distinct = codes_of(column), column.dictionary
    occurs = np.zeros(len(distinct) + 1, bool)
    occurs[codes] = True
    occurs[-1] = False
    if occurs[:-1].all():
        return column
    place = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    place[-1] = -1
    return from_codes(place[codes], distinct.take(pa.array(np.flatnonzero(occurs))))


def with_texts(table: pa.Table) -> pa.Table:
    """A table with all columns that are codes as texts."""
    for place, field in enumerate(table.schema):
        if is_coded(field.type):
            texts = pc.cast(table.column(place), pa.string())
            table = table.set_column(place, field.name, texts)
    return table


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks)
    return column
