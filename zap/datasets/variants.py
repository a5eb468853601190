"""Counterfactual versions of the test part: what selection and late arrival change.

``with_bots`` is the test part as if nothing had been flagged, ``on_time`` as if every
event had been received when it happened. Only subjects that the counterfactual touches
are made again, from their own rows, and stored; for all others both versions are one.
The test part alone, since a variant is for judging: a model trained on another version
would be another model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zap.datasets.assemble import as_instances, assemble
from zap.datasets.splits import SPLITS
from zap.datasets.visits import Visits, concatenate
from zap.encoding.columns import IntArray, SparseRows
from zap.encoding.encoder import Encoder
from zap.events.coded import codes_of, encoded, whole
from zap.examples.moments import MOMENT_COLUMNS
from zap.examples.slicing import BASELINE_COLUMNS, Slices
from zap.histories.build import HistorySettings
from zap.histories.selection import BOT
from zap.histories.subjects import subject_hash

WITH_BOTS, ON_TIME = "with_bots", "on_time"
VARIANTS = (WITH_BOTS, ON_TIME)
TEST = SPLITS.index("test")


@dataclass(frozen=True)
class Cut:
    """Some rows, sliced.

    Attributes:
        subjects: how many histories there were before copies for late events.
        slices: what they were sliced into.
        part: int8, shape (cutoffs,): the part of each cutoff.
    """

    subjects: int
    slices: Slices
    part: NDArray[np.int8]

    @property
    def subject_hash(self) -> IntArray:
        """The subject's hash of each cutoff; int64, shape (cutoffs,)."""
        return self.slices.histories.subject_hash[self.slices.cutoffs.subject]

    def late_subjects(self) -> IntArray:
        """Hashes of subjects with an event that was late for one of their cutoffs."""
        return np.unique(self.slices.histories.subject_hash[self.subjects :])

    def late_names(self) -> set[str]:
        """The names of these subjects, whichever of their histories was cut."""
        histories = self.slices.histories
        rows = np.isin(histories.subject_hash, self.late_subjects())
        return {histories.subject[row] for row in np.flatnonzero(rows).tolist()}

    def lacking(self) -> Any:
        """Whether a late event is missing from each cutoff's past; bool (cutoffs,)."""
        return self.slices.cutoffs.subject >= self.subjects


@dataclass(frozen=True)
class Variant:
    """A counterfactual of the test examples of some subjects.

    Attributes:
        name: one of ``VARIANTS``.
        cut: the examples of these subjects, of all parts.
        gone: int64: hashes of subjects that have test examples as it is, and none here.
        lacking: how many test examples, as it is, lack an event that came late.
    """

    name: str
    cut: Cut
    gone: IntArray
    lacking: int = 0


Slicer = Callable[[pa.Table, HistorySettings], Cut]


def make_variants(
    table: pa.Table,
    settings: HistorySettings,
    base: Cut,
    flagged: Mapping[str, str],
    slicer: Slicer,
) -> tuple[list[Variant], Counter[str]]:
    """The variants of a shard, and label rates by reason.

    Args:
        table: the shard's rows as they were read, flags included.
        settings: how the shard's histories were made.
        base: the shard as it is.
        flagged: the first reason of each subject with flagged events.
        slicer: cuts rows in the way that ``base`` was cut.
    """
    found: list[Variant] = []
    counts: Counter[str] = Counter()
    if flagged:
        reasons = {subject_hash(name): reason for name, reason in flagged.items()}
        touched = np.array([*reasons], np.int64)
        rows = _of_subjects(table, settings.subject, flagged)
        rows = rows.drop_columns([BOT]) if BOT in rows.schema.names else rows
        cut = slicer(rows, replace(settings, bots=None))
        counts.update(_by_reason(cut, reasons))
        found.append(Variant(WITH_BOTS, cut, _gone(base, cut, touched)))
    late = base.late_subjects()
    if len(late):
        rows = _of_subjects(table, settings.subject, base.late_names())
        place = rows.schema.get_field_index("received_at")
        never = pa.nulls(rows.num_rows, rows.schema.field(place).type)
        cut = slicer(rows.set_column(place, "received_at", never), settings)
        lacking = base.lacking()
        counts["late.examples"] = int(lacking.sum())
        missing = int((lacking & (base.part == TEST)).sum())
        found.append(Variant(ON_TIME, cut, _gone(base, cut, late), missing))
    for each in found:
        failed = len(each.cut.slices.failures)
        counts[f"variants.{each.name}.generator_error"] += failed
    return [v for v in found if (v.cut.part == TEST).any() or len(v.gone)], counts


def _of_subjects(table: pa.Table, column: str, names: Iterable[str]) -> pa.Table:
    """The rows of some subjects."""
    coded = encoded(whole(table.column(column)))
    wanted = pc.is_in(coded.dictionary, value_set=pa.array([*names], pa.string()))
    mask = np.append(wanted.to_numpy(zero_copy_only=False), False)
    return table.filter(pa.array(mask[codes_of(coded)]))


def _gone(base: Cut, cut: Cut, touched: IntArray) -> IntArray:
    """Hashes of touched subjects that have test examples in ``base`` alone."""
    before = np.intersect1d(touched, base.subject_hash[base.part == TEST])
    return np.setdiff1d(before, cut.subject_hash[cut.part == TEST])


def _by_reason(cut: Cut, flagged: Mapping[int, str]) -> Counter[str]:
    """Subjects, examples and positives, as if nothing were flagged, by reason."""
    counts: Counter[str] = Counter()
    for reason in flagged.values():
        counts[f"bots.subjects.{reason}"] += 1
    of_cutoffs = np.array([flagged[h] for h in cut.subject_hash.tolist()], object)
    for reason in set(flagged.values()):
        own = of_cutoffs == reason
        counts[f"bots.examples.{reason}"] += int(own.sum())
        counts[f"bots.positives.{reason}"] += int((cut.slices.label[own] > 0).sum())
    return counts


def encode_variant(variant: Variant, encoder: Encoder, layout: str) -> Visits:
    """The test examples of a variant; a subject that lost all has an empty visit.

    Args:
        variant: what is to be encoded.
        encoder: the fitted encoder of the dataset.
        layout: "visits" or "instances".
    """
    slices = variant.cut.slices.select(variant.cut.part == TEST)
    found = []
    if len(slices.cutoffs):
        visits, _ = assemble(slices, encoder, with_sources=True)
        found.append(as_instances(visits) if layout == "instances" else visits)
    return concatenate([*found, empty_visits(variant.gone, sorted(slices.statistics))])


def empty_visits(hashes: IntArray, statistics: Sequence[str]) -> Visits:
    """A visit without events and examples for each subject."""
    ints, floats = np.zeros(0, np.int64), np.zeros(0, np.float32)
    nothing = SparseRows(np.zeros(1, np.int64), np.zeros(0, np.int32), floats)
    offsets = np.zeros(len(hashes) + 1, np.int64)
    return Visits(
        subject_hash=hashes.astype(np.int64),
        event_offsets=offsets,
        events=nothing,
        cutoff_offsets=offsets,
        start=ints,
        stop=ints,
        instant_us=ints,
        label=floats,
        weight=floats,
        metadata=nothing,
        statistics=dict.fromkeys(statistics, floats),
        baseline=dict.fromkeys(sorted(BASELINE_COLUMNS), floats),
        moment=dict.fromkeys(sorted(MOMENT_COLUMNS), floats),
    )


def with_variant(test: Visits | None, touched: Visits) -> Visits:
    """The test part with the subjects of a variant replaced, in canonical order."""
    filled = touched.take_visits(np.diff(touched.cutoff_offsets) > 0)
    if test is None:
        return filled.canonical_order()
    kept = test.take_visits(~np.isin(test.subject_hash, touched.subject_hash))
    return concatenate([kept, filled]).canonical_order()
