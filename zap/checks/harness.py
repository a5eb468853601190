"""Runs the part of the pipeline that may know the past alone, and keeps what it made.

It is the pipeline's own code in the pipeline's own order: histories, rule, late events,
eligibility, labels, encoding. Labels are computed before instances are encoded, so that
a label method that writes into the events it is shown is seen in the instances.
`histories_of` is the only place where a table becomes histories; what is done to raw
events before that in a job must be done there too, or it is not proven.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from zap.checks.known import ALWAYS_US, DIMENSION
from zap.checks.written import Marks, changed_since, marks_of
from zap.datasets.splits import SPLITS, SubjectSplit
from zap.encoding.columns import (
    BoolArray,
    Categorical,
    Cutoffs,
    Float32Array,
    IntArray,
    Numeric,
    SparseRows,
)
from zap.encoding.encoder import Encoder
from zap.encoding.fit import fit, is_fitted, sketch_instance
from zap.encoding.windows import count_in
from zap.errors import InputError
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.events.schema import CANONICAL_NAMES
from zap.examples.evaluate import numbers
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.examples.slicing import (
    PastCutoffs,
    baseline_columns,
    is_observed,
    past_cutoffs,
)
from zap.histories.batch import HistoryBatch
from zap.histories.build import HistorySettings, build_histories
from zap.histories.selection import select_events

Prepare: TypeAlias = Callable[[pa.Table], pa.Table]
Origin: TypeAlias = tuple[str, int]


LIMITLESS = np.iinfo(np.int64).max


class Key(NamedTuple):
    """What names a cutoff, whatever comes after it.

    Attributes:
        subject: the subject's name.
        instant_us: the instant.
        past: number of events of the past; rows of dimensions without a valid-from do
            not count, since they are of no time.
    """

    subject: str
    instant_us: int
    past: int


def histories_of(
    generator: Generator,
    table: pa.Table,
    mapping: EventMapping,
    settings: HistorySettings | None = None,
) -> HistoryBatch:
    """Histories of canonical events, as a job makes them, with each event's origin.

    Args:
        generator: the question.
        table: canonical events.
        mapping: how rows fold into events.
        settings: in place of the generator's own.
    """
    batch = pa.RecordBatch.from_arrays(
        [_whole(column) for column in table.columns], schema=table.schema
    )
    exclude: Any = generator.exclude
    chosen, _ = select_events(batch, exclude, generator.bots == "drop")
    fields = generator.fields()
    if fields is None:
        fields = {*table.schema.names, *DERIVED} - {"timestamp"}
    return build_histories(
        pa.Table.from_batches([chosen]),
        settings or generator.settings(),
        {*fields, "source", "row"},
        mapping,
    )[0]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if hasattr(whole, "chunks") else whole


def without_limits(generator: Generator) -> HistorySettings:
    """The generator's settings, with no session and no subject too large.

    Whether a session is too long is known at its end only. That is selection, counted
    and reported as such; in a proof it would hide what the rule does.
    """
    settings = generator.settings()
    return replace(settings, max_events=LIMITLESS, max_subject_events=LIMITLESS)


@dataclass(frozen=True)
class Columns:
    """What is stored of each cutoff beside its instance; float32, shape (cutoffs,)."""

    named: dict[str, Float32Array]

    @classmethod
    def of(cls, generator: Generator, found: PastCutoffs) -> Columns:
        """Statistics, the baseline's inputs and the weight."""
        context, cutoffs = found.context, found.cutoffs
        given = {f"statistic {n!r}": e for n, e in generator.statistics.items()}
        if generator.weight is not None:
            given["weight"] = generator.weight
        named = {
            name: numbers(expr, context, cutoffs).astype(np.float32)
            for name, expr in given.items()
        }
        for name, column in baseline_columns(generator, context, cutoffs).items():
            named[f"baseline {name!r}"] = column
        return cls(named)


class Made:
    """What was made of one table, cutoff by cutoff.

    Args:
        found: the cutoffs, on histories as the labels left them.
        encoder: the encoder, held fixed over all tables.
        columns: statistics and the like.
        again: the keys found in a second pass, after the labels; None for a generator
            without methods, which cannot keep anything.
        written: which method changed which columns of the histories.
        bounds: cutoffs outside of this range become no examples.
        ids: numbers of encoded rows, shared by all that is compared.
    """

    def __init__(
        self,
        found: PastCutoffs,
        encoder: Encoder,
        columns: Columns,
        again: set[Key] | None,
        written: dict[str, list[str]],
        bounds: ObservedRange,
        ids: dict[bytes, int],
    ):
        self.found = found
        self.encoder = encoder
        self.columns = columns
        self.again = again
        self.written = written
        self._bounds = bounds
        self._ids = ids
        self.keys = keys_of(found)

    @property
    def histories(self) -> HistoryBatch:
        """The histories that the cutoffs index."""
        return self.found.histories

    @property
    def cutoffs(self) -> Cutoffs:
        """The cutoffs, in the order of ``keys``."""
        return self.found.cutoffs

    @cached_property
    def windows(self) -> tuple[IntArray, IntArray, IntArray]:
        """The events kept and each cutoff's range of them; see ``Encoder.windows``."""
        return self.encoder.windows(self.histories, self.cutoffs)

    @cached_property
    def effective_us(self) -> IntArray:
        """When all of a cutoff's past had happened and was known; shape (cutoffs,).

        The instant, but where a clock was wrong: then the last event's timestamp.
        """
        last = self.histories.time_us[self.cutoffs.position - 1]
        return np.maximum(self.cutoffs.instant_us, last)

    @cached_property
    def places(self) -> dict[Key, int]:
        """The place of each cutoff that can become an example, by its key."""
        instant = self.cutoffs.instant_us
        within = (instant >= self._bounds.from_us) & (instant < self._bounds.until_us)
        return {self.keys[place]: place for place in np.flatnonzero(within).tolist()}

    @cached_property
    def payloads(self) -> dict[Key, bytes]:
        """All that a model, a slice or a baseline reads of a cutoff, as bytes.

        Each distinct encoded row has one number for all tables, so two payloads are
        equal if and only if all encoded bytes are.
        """
        kept, start, stop = self.windows
        events = self._numbered(self.encoder.encode_events(self.histories, kept))
        metadata = self._numbered(
            self.encoder.encode_metadata(self.histories, self.cutoffs)
        )
        beside = np.column_stack(
            [metadata, *(c.view(np.int32) for c in self.columns.named.values())]
        ).astype(np.int64)
        again = self.again
        found = {}
        for key, place in self.places.items():
            asked_again = again is None or key in again
            found[key] = (
                events[start[place] : stop[place]].tobytes()
                + beside[place].tobytes()
                + (b"1" if asked_again else b"0")
            )
        return found

    def _numbered(self, rows: SparseRows) -> IntArray:
        entries = np.empty(len(rows.indices), [("i", np.int32), ("v", np.float32)])
        entries["i"], entries["v"] = rows.indices, rows.values
        raw, edges, ids = entries.tobytes(), (rows.offsets * 8).tolist(), self._ids
        found = (
            ids.setdefault(raw[first:last], len(ids)) for first, last in pairwise(edges)
        )
        return np.fromiter(found, np.int64, len(rows))

    @cached_property
    def _origins(self) -> list[Origin]:
        source, row = (self.histories.columns[name] for name in ("source", "row"))
        assert isinstance(source, Categorical) and isinstance(row, Numeric)
        names = [str(name) for name in source.distinct]
        codes, rows = source.codes.tolist(), row.values.astype(np.int64).tolist()
        return [(names[c], r) for c, r in zip(codes, rows, strict=True)]

    def last_origin(self, place: int) -> Origin:
        """The raw row that the last event of a cutoff's past is from."""
        return self._origins[int(self.cutoffs.position[place]) - 1]

    def past_events(self, place: int) -> dict[Origin, int]:
        """The events of a cutoff's past by the raw row that each is from."""
        first = self.histories.offsets[self.cutoffs.subject[place]]
        span = range(int(first), int(self.cutoffs.position[place]))
        return {self._origins[event]: event for event in span}

    def owners(self) -> dict[Origin, str]:
        """The subject of every event, by its raw row."""
        rows, names = self.histories.rows(), self.histories.subject
        return {
            origin: names[row]
            for origin, row in zip(self._origins, rows.tolist(), strict=True)
        }


def always(histories: HistoryBatch) -> BoolArray:
    """Rows of dimensions that have no valid-from; bool, shape (events,)."""
    kind = histories.columns["type"]
    assert isinstance(kind, Categorical)
    dimension = np.array([str(t).startswith(DIMENSION) for t in kind.distinct], bool)
    of_no_time = np.equal(histories.time_us, ALWAYS_US)
    return np.asarray(np.append(dimension, False)[kind.codes] & of_no_time)


def keys_of(found: PastCutoffs) -> list[Key]:
    """The key of each cutoff."""
    histories, cutoffs = found.histories, found.cutoffs
    first = histories.offsets[cutoffs.subject]
    past = count_in(~always(histories), first, cutoffs.position)
    names = histories.subject
    columns = (cutoffs.subject, cutoffs.instant_us, past)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Key(names[row], instant, count) for row, instant, count in rows]


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
