"""Histories cut into blocks of whole subjects, so that what is worked on stays cached.

For functions of a subject's own events alone: they give the same for a block as for the
batch. On a batch of millions each step would wait for the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from zap.encoding.columns import (
    Categorical,
    Column,
    Cutoffs,
    FlatHistories,
    IntArray,
    Numeric,
)

BLOCK = 16_384  # events and cutoffs


@dataclass(frozen=True)
class Block:
    """Some subjects.

    Attributes:
        histories: their events.
        cutoffs: their cutoffs, with rows and positions of these histories.
        rows: int64, shape (cutoffs,): which of all cutoffs they are.
        events: the place of the events among all.
    """

    histories: FlatHistories
    cutoffs: Cutoffs
    rows: IntArray
    events: slice


def blocks(
    histories: FlatHistories,
    cutoffs: Cutoffs,
    names: Sequence[str],
    size: int = BLOCK,
) -> Iterator[Block]:
    """The subjects that have cutoffs, in blocks.

    Args:
        histories: all events.
        cutoffs: in any order.
        names: the columns that are needed; those that there are not are left out.
        size: events and cutoffs of a block; a larger subject is one by itself.
    """
    counts = np.bincount(cutoffs.subject, minlength=histories.subjects)
    total = np.cumsum(np.diff(histories.offsets) + counts)
    ends = np.flatnonzero(np.diff(total // size, append=-1)) + 1
    order = _by_subject(cutoffs.subject)
    cuts = np.concatenate(([0], np.cumsum(counts)))
    for first, end in pairwise([0, *ends.tolist()]):
        rows = order[cuts[first] : cuts[end]]
        if len(rows):
            yield _block(histories, cutoffs, names, first, end, rows)


def _by_subject(subject: IntArray) -> IntArray:
    if (subject[1:] >= subject[:-1]).all():
        return np.arange(len(subject))
    return np.argsort(subject, kind="stable")


def _block(
    histories: FlatHistories,
    cutoffs: Cutoffs,
    names: Sequence[str],
    first: int,
    end: int,
    rows: IntArray,
) -> Block:
    offsets = histories.offsets[first : end + 1]
    events = slice(int(offsets[0]), int(offsets[-1]))
    columns = {
        name: _part(histories.columns[name], events)
        for name in names
        if name in histories.columns
    }
    part = FlatHistories(offsets - events.start, histories.time_us[events], columns)
    chosen = cutoffs.select(rows)
    moved = Cutoffs(
        chosen.subject - first, chosen.position - events.start, chosen.instant_us
    )
    return Block(part, moved, rows, events)


def _part(column: Column, events: slice) -> Column:
    if isinstance(column, Numeric):
        return Numeric(column.values[events])
    return Categorical(column.codes[events], column.distinct)
