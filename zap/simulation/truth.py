"""The true probabilities of a simulation, for the examples of a dataset.

An example is known by the hash of its subject and its instant; a page view is known by
its visitor and the time when it was received, which are those of the example after it.
So a model and the truth can be held against each other row by row.

The truth is what was to be expected given all that had *happened* in the visit. Where
an earlier row of the visit came late, a model could not know as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.errors import InputError
from zap.histories.subjects import subject_hashes
from zap.simulation.folder import Folder

_OF_EVENTS = ["anonymous_id", "received_at", "event"]
_OF_TRUTH = ["probability", "bought", "kind", "page_number", "visit", "fault"]


@dataclass(frozen=True)
class Truth:
    """The truth after page views; arrays of shape (page views,).

    Attributes:
        subject_hash: int64: of the visitor's anonymous_id.
        instant_us: int64: when the page view was received.
        probability: float64: that the visit ends in a purchase, given all so far.
        bought: bool: whether it does.
        kind: str: human, declared or disguised.
        page_number: int64: the place of the page view in its visit, from 1.
        visit: int64: a number for each visit.
    """

    subject_hash: IntArray
    instant_us: IntArray
    probability: FloatArray
    bought: BoolArray
    kind: NDArray[np.str_]
    page_number: IntArray
    visit: IntArray

    def __len__(self) -> int:
        return len(self.subject_hash)

    def take(self, rows: IntArray | BoolArray) -> Truth:
        """The rows at ``rows``, in that order."""
        return Truth(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Truth]) -> Truth:
        """The rows of all parts after one another."""
        return cls(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls))
        )

    def of_examples(self, subjects: IntArray, instants_us: IntArray) -> Truth:
        """The truth of each example, in their order.

        Args:
            subjects: int64, shape (examples,): ``Visits.subjects_of_cutoffs()``.
            instants_us: int64, shape (examples,): ``Visits.instant_us``.

        Raises:
            InputError: an example is of no page view, or of more than one (which late
                rows of one visitor can make: two received in the same millisecond).
        """
        own = _keys(self.subject_hash, self.instant_us)
        order = np.argsort(own, order=("subject", "instant"))
        asked = _keys(subjects, instants_us)
        first = np.searchsorted(own[order], asked, "left")
        last = np.searchsorted(own[order], asked, "right")
        wrong = np.flatnonzero(last - first != 1)
        if len(wrong):
            row = wrong[0]
            raise InputError(
                "Expected every example to be of one page view of the simulation. "
                f"Received: {len(wrong)} of {len(asked)} that are not, the first with "
                f"subject_hash={subjects[row]}, instant_us={instants_us[row]} and "
                f"{last[row] - first[row]} page views. Give the simulation that the "
                "dataset was made from."
            )
        return self.take(order[first])


def read_truth(simulation: str | Path) -> Truth:
    """The truth after every page view of a simulation, in memory.

    Rows that were sent twice count once, broken ones not at all.

    Raises:
        InputError: there is no finished simulation.
    """
    return Truth.joined(
        [_of_part(*paths) for paths in Folder(Path(simulation)).parts()]
    )


def _of_part(events_path: Path, truth_path: Path) -> Truth:
    events = pq.read_table(events_path, columns=_OF_EVENTS)
    truth = pq.read_table(truth_path, columns=_OF_TRUTH)
    # Row by row the two tables are about the same event.
    whole = pc.is_in(truth["fault"], value_set=pa.array(["none", "late"]))
    chosen = pc.and_(whole, pc.equal(events["event"], "page_view"))
    events, truth = events.filter(chosen), truth.filter(chosen)
    visitors = events["anonymous_id"].combine_chunks()
    hashes = subject_hashes(visitors.dictionary)
    return Truth(
        subject_hash=hashes[visitors.indices.to_numpy()],
        instant_us=events["received_at"].to_numpy() * 1_000,
        probability=truth["probability"].to_numpy(),
        bought=truth["bought"].to_numpy(),
        kind=np.array(truth["kind"].to_pylist(), np.str_),
        page_number=truth["page_number"].to_numpy().astype(np.int64),
        visit=truth["visit"].to_numpy(),
    )


def _keys(subjects: IntArray, instants_us: IntArray) -> NDArray[np.void]:
    keys = np.empty(len(subjects), [("subject", np.int64), ("instant", np.int64)])
    keys["subject"], keys["instant"] = subjects, instants_us
    return keys
