"""Values of columns as features want them: numbers, or texts stored once each.

Python sees each distinct value of a batch once; rows are only gathered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import (
    MISSING,
    BoolArray,
    Categorical,
    Column,
    FlatHistories,
    FloatArray,
    IntArray,
    Numeric,
)
from zap.encoding.hashing import canonical_text
from zap.errors import EncodingError

_TRUTH = {"true": 1.0, "false": 0.0}


def column_named(histories: FlatHistories, field: str) -> Column:
    """The column of ``field``, or an error that lists the columns there are."""
    if field not in histories.columns:
        raise EncodingError(
            "An instance uses fields that the events have. "
            f"Received: field={field!r}; there are "
            f"{', '.join(sorted(histories.columns))}. "
            "Declare it in the mapping, or correct the instance."
        )
    return histories.columns[field]


def used_codes(column: Categorical) -> IntArray:
    """The codes that occur, ascending."""
    occurs = np.zeros(len(column.distinct) + 1, np.bool_)
    occurs[column.codes] = True
    return np.flatnonzero(occurs[:-1])


def table_of(
    column: Categorical, function: Callable[[Any], float], absent: float
) -> NDArray[Any]:
    """``function`` of each distinct value that occurs, by code.

    Returns:
        an array of the type of ``absent``, shape (distinct + 1,); the last entry is
        ``absent``, so that it may be indexed with ``MISSING`` as well.
    """
    table = np.full(len(column.distinct) + 1, absent)
    for code in used_codes(column):
        table[code] = function(column.distinct[code])
    return table


def numbers_of(column: Column, field: str) -> FloatArray:
    """The column as numbers, NaN where missing; booleans count as 0 and 1.

    Raises:
        EncodingError: the column holds text.
    """
    if isinstance(column, Numeric):
        return column.values

    def number(value: Any) -> float:
        if value not in _TRUTH:
            raise EncodingError(
                f"Bins, ranges and sums need numbers, but {field!r} holds text. "
                f"Received: {field}={value!r}. Map it as a number, or use Hash."
            )
        return _TRUTH[value]

    return np.asarray(table_of(column, number, np.nan)[column.codes])


def as_categorical(column: Column) -> Categorical:
    """The column with numbers replaced by their canonical texts."""
    if isinstance(column, Categorical):
        return column
    valid = column.valid
    numbers, inverse = np.unique(column.values[valid], return_inverse=True)
    codes = np.full(len(column), MISSING, np.int32)
    codes[valid] = inverse
    return Categorical(codes, [canonical_text(number) for number in numbers.tolist()])


def strings_in(value: Any, most: int | None = None) -> tuple[str, ...]:
    """The strings of one distinct value: itself, or the first ``most`` of several."""
    return value[:most] if isinstance(value, tuple) else (value,)


def equal_rows(left: Column, right: Column) -> BoolArray:
    """True where two takes of one column hold the same value; missing equals none."""
    if isinstance(left, Numeric) and isinstance(right, Numeric):
        return np.equal(left.values, right.values)
    assert isinstance(left, Categorical) and isinstance(right, Categorical)
    return np.equal(left.codes, right.codes) & left.valid


def blanked(column: Column, blank: BoolArray) -> Column:
    """The column with the values at ``blank`` missing."""
    if isinstance(column, Numeric):
        return Numeric(np.where(blank, np.nan, column.values))
    codes = np.where(blank, np.int32(MISSING), column.codes)
    return Categorical(codes, column.distinct)
