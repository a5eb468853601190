"""Which events an instance keeps, where its windows lie, and what each row holds.

The columns that features encode are made here, for the encoder and for fitting alike:
one column a feature, with a row for each kept event or for each cutoff.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
from zap.encoding.dimensions import activity_mask
from zap.encoding.features import Feature, Hash, SincePrevious
from zap.encoding.instance import AnyType, Instance
from zap.encoding.metadata import Last, Metadata, Tenure
from zap.encoding.values import blanked, column_named, equal_rows, used_codes
from zap.encoding.windows import TimeIndex, last_in


@dataclass(frozen=True)
class Windows:
    """The sequences of some cutoffs.

    Attributes:
        kept: int64, shape (kept,): indices of the events of the instance's types.
        start: int64, shape (cutoffs,): first entry of ``kept`` of each sequence.
        stop: int64, shape (cutoffs,): one past the last entry of each.
    """

    kept: IntArray
    start: IntArray
    stop: IntArray

    def covered(self) -> Windows:
        """The same sequences over only those events that lie in one of them."""
        depth = np.zeros(len(self.kept) + 1, np.int64)
        filled = self.stop > self.start
        np.add.at(depth, self.start[filled], 1)
        np.add.at(depth, self.stop[filled], -1)
        inside = np.cumsum(depth[:-1]) > 0
        before = np.concatenate(([0], np.cumsum(inside)))
        return Windows(self.kept[inside], before[self.start], before[self.stop])


def mask_of_types(
    histories: FlatHistories, types: tuple[str, ...] | AnyType
) -> BoolArray:
    """True for the events of one of ``types``; shape (events,).

    ``ANY`` is what the subject did: rows of dimensions are seen where they are named.
    """
    if isinstance(types, AnyType):
        return activity_mask(histories.columns["type"])
    column = histories.columns["type"]
    assert isinstance(column, Categorical), "types are categorical"
    wanted = np.zeros(len(column.distinct) + 1, np.bool_)
    for code in used_codes(column):
        wanted[code] = column.distinct[code] in types
    return np.asarray(wanted[column.codes])


def kept_mask(instance: Instance, histories: FlatHistories) -> BoolArray:
    """True for the events of the instance's types; shape (events,)."""
    types = instance.types
    return mask_of_types(histories, types if isinstance(types, AnyType) else (*types,))


def sequence_windows(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> Windows:
    """The last events of each cutoff's past that the instance keeps."""
    mask = kept_mask(instance, histories)
    before = np.concatenate(([0], np.cumsum(mask)))
    earliest = histories.offsets[cutoffs.subject]
    if instance.lookback_days is not None:
        since = cutoffs.instant_us - round(instance.lookback_days * DAY_US)
        recent = TimeIndex(histories).first_at_or_after(cutoffs.subject, since)
        earliest = np.minimum(recent, cutoffs.position)
    stop = before[cutoffs.position]
    start = np.maximum(before[earliest], stop - instance.last)
    return Windows(np.flatnonzero(mask), start, stop)


def previous_kept(
    instance: Instance, histories: FlatHistories, kept: IntArray
) -> IntArray:
    """The kept event before each of ``kept`` in its own history, or -1.

    It is found among all events of the instance's types, not within ``kept`` alone, so
    that a choice of rows never changes what a row holds.
    """
    everyone = np.flatnonzero(kept_mask(instance, histories))
    rank = np.searchsorted(everyone, kept)
    before = np.where(rank > 0, everyone[rank - 1] if len(everyone) else -1, -1)
    first = histories.offsets[np.searchsorted(histories.offsets, kept, "right") - 1]
    return np.where(before >= first, before, -1)


def event_columns(
    instance: Instance, histories: FlatHistories, kept: IntArray
) -> list[tuple[Feature, Column]]:
    """Each feature of the events with its values at ``kept``."""
    previous = kept
    if instance.compares:
        previous = previous_kept(instance, histories, kept)
    return [
        (feature, _event_column(feature, histories, kept, previous))
        for feature in instance.fields
    ]


def _event_column(
    feature: Feature, histories: FlatHistories, kept: IntArray, previous: IntArray
) -> Column:
    if isinstance(feature, SincePrevious):
        elapsed = (histories.time_us[kept] - histories.time_us[previous]) / 1e6
        return Numeric(np.where(previous >= 0, elapsed, np.nan))
    source = column_named(histories, feature.field)
    column = source.take(kept)
    if isinstance(feature, Hash) and feature.drops_repeats:
        return blanked(column, equal_rows(column, source.take(previous)))
    return column


def metadata_columns(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> list[tuple[Metadata, Column]]:
    """Each source of metadata with its values at the cutoffs."""
    masks: dict[tuple[str, ...] | AnyType, BoolArray] = {}

    def mask_of(types: tuple[str, ...] | AnyType) -> BoolArray:
        if types not in masks:
            masks[types] = mask_of_types(histories, types)
        return masks[types]

    return [
        (source, _metadata_column(source, instance, histories, cutoffs, mask_of))
        for source in instance.all_metadata
    ]


def _metadata_column(
    source: Metadata,
    instance: Instance,
    histories: FlatHistories,
    cutoffs: Cutoffs,
    mask_of: Callable[[tuple[str, ...] | AnyType], BoolArray],
) -> Column:
    start, stop = histories.offsets[cutoffs.subject], cutoffs.position
    if isinstance(source, Last):
        column = column_named(histories, source.field)
        seen = mask_of(instance.types_of(source)) & column.valid
        if source.types:
            seen |= mask_of((*source.types,)) & column.valid
        return column.take(last_in(seen, start, stop))
    seen = kept_mask(instance, histories)
    if isinstance(source, Tenure):
        rows = _first_in(seen, start, stop)
    else:
        rows = last_in(seen, start, stop)
    if not histories.events:
        return Numeric(np.full(len(cutoffs), np.nan))
    elapsed = (cutoffs.instant_us - histories.time_us[rows]) / 1e6
    return Numeric(np.where(rows >= 0, np.maximum(elapsed, 0.0), np.nan))


def _first_in(mask: BoolArray, start: IntArray, stop: IntArray) -> IntArray:
    """Index of the first true entry of ``mask`` in each start..stop, or -1."""
    true = np.concatenate((np.flatnonzero(mask), [len(mask)]))
    found = true[np.searchsorted(true, np.minimum(start, len(mask)))]
    return np.where(found < stop, found, -1)
