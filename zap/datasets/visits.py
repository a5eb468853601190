"""Encoded histories with their cutoffs, as flat arrays: what a dataset holds.

A visit's events are stored once, however many cutoffs look at them; an instance is a
range of event rows. Generation writes these arrays, training and evaluation read them,
and both ends share this one form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from zap.encoding.columns import BoolArray, Float32Array, IntArray, SparseRows


@dataclass(frozen=True)
class InputSpec:
    """The shape of what a model reads.

    Attributes:
        last: most events an instance holds.
        event_size: length of an event's vector.
        event_width: most entries that an event's sparse vector has.
        metadata_size: length of the metadata vector.
        metadata_width: most entries that a metadata vector has.
    """

    last: int
    event_size: int
    event_width: int
    metadata_size: int
    metadata_width: int

    def to_dict(self) -> dict[str, int]:
        """The fields as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Visits:
    """Histories of encoded events and the examples cut from them.

    Attributes:
        subject_hash: int64, shape (visits,): the subject's hash; several visits may
            belong to one subject.
        event_offsets: int64, shape (visits + 1,): the visit's rows of ``events``.
        events: one sparse vector for each event.
        cutoff_offsets: int64, shape (visits + 1,): the visit's cutoffs.
        start: int64, shape (cutoffs,): first event row of the instance.
        stop: int64, shape (cutoffs,): one past the last event row of the instance.
        instant_us: int64, shape (cutoffs,): microseconds since 1970, UTC.
        label: float32, shape (cutoffs,): 0 or 1, the number of a class, or an amount.
        weight: float32, shape (cutoffs,): above 0.
        metadata: one sparse vector for each cutoff.
        statistics: float32 columns by name, each of shape (cutoffs,), for slicing.
        baseline: float32 columns by name, each of shape (cutoffs,): the inputs of the
            simple baseline (``zap.examples.slicing.BASELINE_COLUMNS``).
        moment: float32 columns by name, each of shape (cutoffs,): when in a session
            the question is asked (``zap.examples.moments.MOMENT_COLUMNS``); not needed
            to train or to score, and then empty.
    """

    subject_hash: IntArray
    event_offsets: IntArray
    events: SparseRows
    cutoff_offsets: IntArray
    start: IntArray
    stop: IntArray
    instant_us: IntArray
    label: Float32Array
    weight: Float32Array
    metadata: SparseRows
    statistics: Mapping[str, Float32Array]
    baseline: Mapping[str, Float32Array]
    moment: Mapping[str, Float32Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.subject_hash)

    @property
    def cutoffs(self) -> int:
        """Number of examples."""
        return len(self.label)

    def cutoff_visit(self) -> IntArray:
        """The visit of each cutoff; int64, shape (cutoffs,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.cutoff_offsets))

    def subjects_of_cutoffs(self) -> IntArray:
        """The subject's hash of each cutoff; int64, shape (cutoffs,)."""
        return self.subject_hash[self.cutoff_visit()]

    def take_visits(self, chosen: BoolArray | IntArray) -> Visits:
        """The visits at ``chosen`` (a mask or indices), in that order."""
        rows = np.arange(len(self))[chosen]
        events, event_offsets = ragged_rows(self.event_offsets, rows)
        cutoffs, cutoff_offsets = ragged_rows(self.cutoff_offsets, rows)
        shift = np.repeat(
            event_offsets[:-1] - self.event_offsets[rows], np.diff(cutoff_offsets)
        )
        return Visits(
            subject_hash=self.subject_hash[rows],
            event_offsets=event_offsets,
            events=take_rows(self.events, events),
            cutoff_offsets=cutoff_offsets,
            start=self.start[cutoffs] + shift,
            stop=self.stop[cutoffs] + shift,
            **self._cutoff_columns(cutoffs),
        )

    def take_cutoffs(self, keep: BoolArray) -> Visits:
        """The same visits with only the cutoffs where ``keep`` is true."""
        kept = np.flatnonzero(keep)
        before = np.concatenate(([0], np.cumsum(keep)))
        return replace(
            self,
            cutoff_offsets=before[self.cutoff_offsets],
            start=self.start[kept],
            stop=self.stop[kept],
            **self._cutoff_columns(kept),
        )

    def _cutoff_columns(self, rows: IntArray) -> dict[str, Any]:
        return {
            "instant_us": self.instant_us[rows],
            "label": self.label[rows],
            "weight": self.weight[rows],
            "metadata": take_rows(self.metadata, rows),
            "statistics": {name: col[rows] for name, col in self.statistics.items()},
            "baseline": {name: col[rows] for name, col in self.baseline.items()},
            "moment": {name: col[rows] for name, col in self.moment.items()},
        }

    def without_sources(self) -> Visits:
        """The same visits, of whose entries it is not known what made them."""
        return replace(
            self,
            events=replace(self.events, sources=None),
            metadata=replace(self.metadata, sources=None),
        )

    def canonical_order(self) -> Visits:
        """The visits sorted by subject hash, then first instant, then size.

        Training and evaluation begin with this order, so that neither the number of
        shards nor the order of files reaches a model.
        """
        first = np.full(len(self), np.iinfo(np.int64).max)
        filled = np.diff(self.cutoff_offsets) > 0
        first[filled] = self.instant_us[self.cutoff_offsets[:-1][filled]]
        order = np.lexsort(
            (
                np.diff(self.cutoff_offsets),
                np.diff(self.event_offsets),
                first,
                self.subject_hash,
            )
        )
        return self.take_visits(order)


def ragged_rows(offsets: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray]:
    """Rows of the chosen groups of a ragged column, and their new offsets.

    Args:
        offsets: int64, shape (groups + 1,).
        chosen: int64, shape (n,): groups, in the order wanted.

    Returns:
        int64 rows, shape (rows of the chosen groups,), and int64 offsets (n + 1,).
    """
    lengths = offsets[chosen + 1] - offsets[chosen]
    ends = np.concatenate(([0], np.cumsum(lengths)))
    rows = np.arange(ends[-1]) + np.repeat(offsets[chosen] - ends[:-1], lengths)
    return rows, ends


def take_rows(sparse: SparseRows, rows: IntArray) -> SparseRows:
    """The sparse vectors at ``rows``, in that order."""
    entries, offsets = ragged_rows(sparse.offsets, rows)
    sources = None if sparse.sources is None else sparse.sources[entries]
    return SparseRows(offsets, sparse.indices[entries], sparse.values[entries], sources)


def concatenate_rows(parts: Sequence[SparseRows]) -> SparseRows:
    """The sparse vectors of all ``parts`` after one another."""
    sources = [part.sources for part in parts if part.sources is not None]
    return SparseRows(
        _joined_offsets([part.offsets for part in parts]),
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate(sources) if len(sources) == len(parts) else None,
    )


def concatenate(parts: Sequence[Visits]) -> Visits:
    """All visits of ``parts`` after one another; at least one part is needed."""
    assert parts, "nothing to concatenate"
    shifts = np.cumsum([0] + [len(part.events) for part in parts[:-1]])
    joined: dict[str, Any] = {
        "event_offsets": _joined_offsets([part.event_offsets for part in parts]),
        "cutoff_offsets": _joined_offsets([part.cutoff_offsets for part in parts]),
        "events": concatenate_rows([part.events for part in parts]),
        "metadata": concatenate_rows([part.metadata for part in parts]),
    }
    for name in ("start", "stop"):
        columns = [getattr(p, name) + s for p, s in zip(parts, shifts, strict=True)]
        joined[name] = np.concatenate(columns)
    for name in ("statistics", "baseline", "moment"):
        joined[name] = {
            key: np.concatenate([getattr(part, name)[key] for part in parts])
            for key in getattr(parts[0], name)
        }
    for column in fields(Visits):
        if column.name not in joined:
            columns = [getattr(part, column.name) for part in parts]
            joined[column.name] = np.concatenate(columns)
    return Visits(**joined)


def _joined_offsets(offsets: Sequence[IntArray]) -> IntArray:
    ends = np.cumsum([0] + [int(part[-1]) for part in offsets[:-1]])
    shifted = [part[1:] + end for part, end in zip(offsets, ends, strict=True)]
    return np.concatenate([np.zeros(1, np.int64), *shifted])
