"""What the pipeline made of one table, cutoff by cutoff, ready to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from zap.checks.histories import Key, keys_of
from zap.encoding.columns import (
    Categorical,
    Cutoffs,
    Float32Array,
    IntArray,
    Numeric,
    SparseRows,
)
from zap.encoding.encoder import Encoder
from zap.examples.evaluate import numbers
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.examples.slicing import PastCutoffs, baseline_columns
from zap.histories.batch import HistoryBatch

Origin: TypeAlias = tuple[str, int]


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
            name: numbers(expr, context, cutoffs, name).astype(np.float32)
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
