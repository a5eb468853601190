"""Rows that say what is known of a subject, beside the events that say what it did.

A row of a dimension is an event of the type "dimension.NAME": it carries values from
the time at which they became valid, and whatever asks for a last value finds it. But
nobody did anything, so it is no activity. One rule says so for batches and for servers:
``ANY`` stands for all types but these; who wants them names them.
"""

from __future__ import annotations

import numpy as np

from zap.encoding.columns import BoolArray, Categorical, Column, IntArray

DIMENSION_PREFIX = "dimension."
"""What the types of dimensions begin with. It is stored in every dataset."""


def activity_mask(types: Column) -> BoolArray:
    """True for what a subject did, False for rows of dimensions; shape (events,)."""
    assert isinstance(types, Categorical), "types are categorical"
    told = [str(name).startswith(DIMENSION_PREFIX) for name in types.distinct]
    return ~np.append(np.array(told, bool), False)[types.codes]


def last_before(mask: BoolArray, position: IntArray) -> IntArray:
    """Index of the last true entry before each position, or -1."""
    if mask.all():
        return position - 1
    latest = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))
    return np.concatenate(([-1], latest)).astype(np.int64)[position]


def first_from(mask: BoolArray, position: IntArray) -> IntArray:
    """Index of the first true entry at or after each position, or the length."""
    true = np.append(np.flatnonzero(mask), len(mask))
    return np.asarray(true[np.searchsorted(true, position)], np.int64)
