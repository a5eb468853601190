"""The events that an instance can look at, as a server would hold them.

`Instance.reads` says what an event store keeps of a subject. Here the same choice is
made of the histories of a batch, so that an example can be told again in the form in
which serving would see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zap.encoding.aggregates import DAY_US
from zap.encoding.columns import (
    BoolArray,
    Categorical,
    Column,
    Cutoffs,
    FlatHistories,
    IntArray,
    Numeric,
)
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last
from zap.encoding.rows import kept_mask, mask_of_types, sequence_windows
from zap.encoding.values import column_named, used_codes
from zap.encoding.windows import TimeIndex, last_in


def recent_events(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> list[list[dict[str, Any]]]:
    """What each instance is made of, as ``Encoder.encode_instance`` takes it.

    Args:
        instance: what is looked at.
        histories: few subjects; every one of their rows is gone through.
        cutoffs: where.

    Returns:
        For each cutoff its events in total order, with ``timestamp`` in microseconds
        and those fields of ``Instance.reads`` that they have.
    """
    seen = rows_seen(instance, histories, cutoffs)
    every = np.unique(np.concatenate([*seen, np.zeros(0, np.int64)])).tolist()
    events = events_told(instance, histories, every)
    told = dict(zip(every, events, strict=True))
    return [[told[row] for row in rows.tolist()] for rows in seen]


def events_told(
    instance: Instance, histories: FlatHistories, rows: Sequence[int]
) -> list[dict[str, Any]]:
    """Some events in the form in which a server has them; see `recent_events`.

    Args:
        instance: what is looked at.
        histories: where the events are.
        rows: which of them, in the order wanted.
    """
    columns = {name: histories.columns[name] for name in instance.reads.fields}
    told = []
    for row in rows:
        values = {name: _value(column, row) for name, column in columns.items()}
        present = {name: value for name, value in values.items() if value is not None}
        told.append({"timestamp": int(histories.time_us[row]), **present})
    return told


def of_subjects(
    histories: FlatHistories, cutoffs: Cutoffs
) -> tuple[FlatHistories, Cutoffs]:
    """The histories of those subjects alone that have cutoffs, and the cutoffs there.

    Args:
        histories: many subjects.
        cutoffs: of some of them.
    """
    subjects, subject = np.unique(cutoffs.subject, return_inverse=True)
    start, stop = histories.offsets[subjects], histories.offsets[subjects + 1]
    offsets = np.concatenate(([0], np.cumsum(stop - start)))
    shift = start - offsets[:-1]
    rows = np.arange(offsets[-1]) + np.repeat(shift, stop - start)
    columns = {name: column.take(rows) for name, column in histories.columns.items()}
    few = FlatHistories(offsets, histories.time_us[rows], columns)
    position = cutoffs.position - shift[subject]
    return few, Cutoffs(subject, position, cutoffs.instant_us)


def rows_seen(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> list[IntArray]:
    """The rows that each instance is made of, ascending."""
    first, stop = histories.offsets[cutoffs.subject], cutoffs.position
    kept = kept_mask(instance, histories)
    windows = sequence_windows(instance, histories, cutoffs)
    earlier = 1 if instance.compares else 0
    lowest = np.searchsorted(windows.kept, first)
    begin = np.maximum(windows.start - earlier, lowest)
    since = _window_starts(instance, histories, cutoffs)
    singles = [last_in(mask, first, stop) for mask in _lasts(instance, histories)]
    singles.append(last_in(kept, first, stop))
    if instance.reads.gaps:
        masks = _types(histories, kept)
        singles += [last_in(mask, first, since) for mask in masks]
    seen = []
    for at in range(len(cutoffs)):
        counted = np.arange(since[at], stop[at])
        own = [rows[at] for rows in singles if rows[at] >= 0]
        if instance.reads.first:
            own += windows.kept[lowest[at] : windows.stop[at]][:1].tolist()
        parts = (
            windows.kept[begin[at] : windows.stop[at]],
            counted[kept[counted]],
            np.array(own, np.int64),
        )
        seen.append(np.unique(np.concatenate(parts)))
    return seen


def _window_starts(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> IntArray:
    """The first row of each cutoff's longest window; its position without windows."""
    days = instance.reads.windows_days
    if not days:
        return cutoffs.position
    since = cutoffs.instant_us - round(days * DAY_US)
    found = TimeIndex(histories).first_at_or_after(cutoffs.subject, since)
    return np.minimum(found, cutoffs.position)


def _lasts(instance: Instance, histories: FlatHistories) -> list[BoolArray]:
    """For each last known value, the rows on which it may be found."""
    masks = []
    for source in instance.metadata:
        if isinstance(source, Last):
            mask = mask_of_types(histories, instance.types_of(source))
            if source.types:  # ANY is activity, and these may be rows of dimensions
                mask = mask | mask_of_types(histories, (*source.types,))
            masks.append(mask & column_named(histories, source.field).valid)
    return masks


def _types(histories: FlatHistories, kept: BoolArray) -> list[BoolArray]:
    """The kept rows of each type: the last one before a window begins its first gap."""
    column = histories.columns["type"]
    assert isinstance(column, Categorical)
    return [kept & (column.codes == code) for code in used_codes(column)]


def _value(column: Column, row: int) -> Any:
    """A number, a text or a list of texts; None where there is none."""
    if isinstance(column, Numeric):
        number = float(column.values[row])
        return None if number != number else number
    code = column.codes[row]
    if code < 0:
        return None
    value = column.distinct[code]
    return list(value) if isinstance(value, tuple) else value
