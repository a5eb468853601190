"""Runs the part of the pipeline that may know the past alone, and keeps what it made.

It is the pipeline's own code in the pipeline's own order: histories, rule, late events,
eligibility, labels, encoding. Labels are computed before instances are encoded, so that
a label method that writes into the events it is shown is seen in the instances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from zap.checks.histories import histories_of, keys_of, without_limits
from zap.checks.made import Columns, Made
from zap.checks.written import Marks, changed_since, marks_of
from zap.datasets.splits import SPLITS, SubjectSplit
from zap.encoding.columns import BoolArray
from zap.encoding.encoder import Encoder
from zap.encoding.fit import fit, is_fitted, sketch_instance
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.schema import CANONICAL_NAMES
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.examples.slicing import PastCutoffs, is_observed, past_cutoffs
from zap.histories.batch import HistoryBatch

Prepare: TypeAlias = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class Harness:
    """A generator with all that stays the same from one table to the next.

    Attributes:
        generator: the question, one object for all runs, as on a worker.
        mapping: how rows fold into events.
        observed: bounds the times at which rules may put cutoffs.
        prepare: a site's own work on canonical events before Zap's.
        encoder: fitted once, on what was not altered.
        ids: see `Made`.
    """

    generator: Generator
    mapping: EventMapping
    observed: ObservedRange
    prepare: Prepare | None
    encoder: Encoder
    ids: dict[bytes, int]

    @classmethod
    def of(
        cls,
        generator: Generator,
        mapping: EventMapping,
        observed: ObservedRange,
        table: pa.Table,
        prepare: Prepare | None = None,
    ) -> Harness:
        """The harness of a table, with an encoder fitted on its training part."""
        prepared = _prepared(table, prepare)
        limits = without_limits(generator)
        histories = histories_of(generator, prepared, mapping, limits)
        found = past_cutoffs(generator, histories, observed)
        encoder = fitted(generator, found, observed)
        return cls(generator, mapping, observed, prepare, encoder, {})

    def histories(self, table: pa.Table) -> HistoryBatch:
        """The histories that a job would make of a table, limits included."""
        prepared = _prepared(table, self.prepare)
        return histories_of(self.generator, prepared, self.mapping)

    def find(self, table: pa.Table, generator: Generator | None = None) -> PastCutoffs:
        """The cutoffs of a table, before any label is computed."""
        chosen = generator or self.generator
        prepared = _prepared(table, self.prepare)
        limits = without_limits(chosen)
        histories = histories_of(chosen, prepared, self.mapping, limits)
        return past_cutoffs(chosen, histories, self.observed)

    def make(self, table: pa.Table, generator: Generator | None = None) -> Made:
        """All that is made of a table.

        Args:
            table: canonical events.
            generator: in place of the harness's own, a copy of it.
        """
        chosen = generator or self.generator
        prepared = _prepared(table, self.prepare)
        limits = without_limits(chosen)
        histories = histories_of(chosen, prepared, self.mapping, limits)
        methods = chosen.methods()
        before = marks_of(histories) if methods else Marks({})
        found = past_cutoffs(chosen, histories, self.observed)
        asked = "eligible" if "eligible" in methods else "is_cutoff"
        written = {asked: changed_since(before, histories)}
        before = marks_of(found.histories) if methods else Marks({})
        seen = is_observed(chosen, found.context, found.cutoffs, self.observed)
        found.methods.labels(found.context, found.cutoffs.select(seen))
        written["label"] = changed_since(before, found.histories)
        again = None
        if methods:
            again = set(keys_of(past_cutoffs(chosen, histories, self.observed)))
        return Made(
            found,
            self.encoder,
            Columns.of(chosen, found),
            again,
            {method: names for method, names in written.items() if names},
            self.observed,
            self.ids,
        )


def fitted(
    generator: Generator, found: PastCutoffs, observed: ObservedRange
) -> Encoder:
    """The encoder, fitted on the cutoffs of the training subjects."""
    if is_fitted(generator.instance):
        return Encoder(generator.instance)
    train = training(found, observed)
    cutoffs = found.cutoffs.select(train if train.any() else ~train)
    sketches = sketch_instance(generator.instance, found.histories, cutoffs)
    return Encoder(fit(generator.instance, sketches))


def training(found: PastCutoffs, observed: ObservedRange) -> BoolArray:
    """Which cutoffs belong to the training part; bool, shape (cutoffs,)."""
    cutoffs = found.cutoffs
    hashes = found.histories.subject_hash[cutoffs.subject]
    part = SubjectSplit().assign(hashes, cutoffs.instant_us, cutoffs.instant_us)
    seen = is_observed(found.methods.generator, found.context, cutoffs, observed)
    return np.asarray((part == SPLITS.index("train")) & seen)


def _prepared(table: pa.Table, prepare: Prepare | None) -> pa.Table:
    if prepare is None:
        return table
    prepared = prepare(table)
    missing = [n for n in CANONICAL_NAMES if n not in prepared.schema.names]
    if missing:
        raise InputError(
            "Expected the preparation to give canonical events, with all columns that "
            f"it was given. Received: without {', '.join(missing)}. Keep them, also "
            "source and row, which say where an event is from."
        )
    return prepared
